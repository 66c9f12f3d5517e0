package inference

import (
	"context"
	"fmt"
	"math"

	"fovea/data"
)

// A Result holds the probabilities of one sample of a stream, or why it has none.
type Result struct {
	Index         int       // of the sample
	Probabilities []float64 // one a class; nil beside an error
	Err           error     // why the image has no probabilities
}

// Stream classifies what loader loads, in its order, from a batch on, and calls each with every batch's results. With
// several views of an image its probabilities are the mean of theirs.
func (c *Classifier) Stream(ctx context.Context, loader *data.Loader, firstBatch int, each func([]Result) error) error {
	return loader.Each(ctx, firstBatch, func(b *data.Batch) error {
		results, err := c.batch(b)
		if err != nil {
			return err
		}
		return each(results)
	})
}

func (c *Classifier) batch(b *data.Batch) ([]Result, error) {
	views := len(b.Images) / b.N / c.inputSize()
	probabilities, err := c.Classify(b.Images, b.N*views)
	if err != nil {
		return nil, err
	}
	results := make([]Result, b.N)
	for i := range results {
		r := &results[i]
		if r.Index = b.Indices[i]; b.Errors[i] != nil {
			r.Err = b.Errors[i]
			continue
		}
		r.Probabilities = mean(probabilities[i*views : (i+1)*views])
	}
	return results, nil
}

// mean returns the mean probabilities of an image's views.
func mean(views [][]float64) []float64 {
	out := views[0]
	if len(views) == 1 {
		return out
	}
	for class := range out {
		sum := 0.0
		for _, v := range views {
			sum += v[class]
		}
		out[class] = sum / float64(len(views))
	}
	return out
}

// checkFinite refuses probabilities that are no numbers.
func checkFinite(probabilities []float64) error {
	for _, p := range probabilities {
		if math.IsNaN(p) {
			return fmt.Errorf("the model's scores of the image are not finite: %v", probabilities)
		}
	}
	return nil
}
