package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"fovea/data"
	"fovea/evaluation"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
)

// classifier runs a session that has images and logits.
type classifier struct {
	session                       *ort.Session
	images, logits, probabilities *ort.Tensor
}

// newClassifier gives images and logits of s memory for batches of a size.
func newClassifier(s *ort.Session, batch int) (*classifier, error) {
	c := &classifier{session: s}
	own := map[string]**ort.Tensor{artifacts.Images: &c.images, artifacts.Logits: &c.logits,
		artifacts.Probabilities: &c.probabilities}
	for _, info := range append(s.Inputs(), s.Outputs()...) {
		if t := own[info.Name]; t != nil {
			var err error
			if *t, err = bindTensor(s, info, int64(batch)); err != nil {
				c.close()
				return nil, err
			}
		}
	}
	if c.images == nil || c.logits == nil {
		c.close()
		return nil, fmt.Errorf("the model has no input %q or no output %q", artifacts.Images, artifacts.Logits)
	}
	return c, nil
}

// predict classifies a split in its order. cache may be nil.
func (c *classifier) predict(ctx context.Context, split *data.Split, transform data.Transform, cache *data.Cache, workers int,
	report func(done, total int, detail string)) (*evaluation.Predictions, error) {
	shape := c.logits.Shape()
	batch, classes := int(shape[0]), int(shape[1])
	loader, err := data.NewLoader(data.LoaderConfig{Samples: split.Samples, Batch: batch, Workers: workers, Transform: transform,
		Cache: cache})
	if err != nil {
		return nil, err
	}
	it := loader.Epoch(ctx, 0, 0)
	defer it.Close()
	out := &evaluation.Predictions{Classes: split.Classes}
	for {
		b, err := it.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		// A last batch that is not full leaves earlier images behind it; their
		// logits are not read.
		copy(c.images.Float32(), b.Images)
		if err := c.session.Run(); err != nil {
			return nil, err
		}
		for i := range b.N {
			sample := split.Samples[b.Indices[i]]
			out.Rows = append(out.Rows, evaluation.Prediction{Path: sample.Path, Label: sample.Class,
				Probabilities: softmax(c.logits.Float32()[i*classes : (i+1)*classes])})
		}
		b.Release()
		report(len(out.Rows), len(split.Samples), "")
	}
}

// softmax in float64, so that probabilities near 1 do not tie.
func softmax(logits []float32) []float64 {
	largest := math.Inf(-1)
	for _, x := range logits {
		largest = max(largest, float64(x))
	}
	out, sum := make([]float64, len(logits)), 0.0
	for i, x := range logits {
		out[i] = math.Exp(float64(x) - largest)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

func (c *classifier) close() {
	for _, t := range []*ort.Tensor{c.images, c.logits, c.probabilities} {
		if t != nil {
			t.Close()
		}
	}
}
