package serve

import (
	"context"
	"time"

	"fovea/inference"
)

// A batcher is the one goroutine that runs the classifier, on all images that wait.
type batcher struct {
	classifier *inference.Classifier
	counts     *counts
	waiting    chan *job
}

// job is an image that waits.
type job struct {
	image  []float32 // [3,S,S]
	answer chan answer
}

type answer struct {
	probabilities []float64
	err           error
}

// classify waits for its turn and for the result.
func (b *batcher) classify(ctx context.Context, image []float32) ([]float64, error) {
	j := &job{image, make(chan answer, 1)} // has room: nobody may wait for it any more
	select {
	case b.waiting <- j:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case a := <-j.answer:
		return a.probabilities, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run classifies until ctx ends.
func (b *batcher) run(ctx context.Context) {
	var images []float32
	var jobs []*job
	for {
		jobs = jobs[:0]
		select {
		case j := <-b.waiting:
			jobs = append(jobs, j)
		case <-ctx.Done():
			return
		}
	more:
		for len(jobs) < b.classifier.Batch() {
			select {
			case j := <-b.waiting:
				jobs = append(jobs, j)
			default:
				break more
			}
		}
		images = images[:0]
		for _, j := range jobs {
			images = append(images, j.image...)
		}
		start := time.Now()
		results, err := b.classifier.Classify(images, len(jobs))
		b.counts.ran(len(jobs), time.Since(start))
		for i, j := range jobs {
			if err != nil {
				j.answer <- answer{err: err}
				continue
			}
			j.answer <- answer{probabilities: results[i]}
		}
	}
}
