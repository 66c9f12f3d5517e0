package training

import (
	"context"
	"fmt"
	"math"

	"fovea/data"
	"fovea/evaluation"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
)

// classifier runs a session that has logits, from images or features.
type classifier struct {
	session                      *ort.Session
	input, logits, probabilities *ort.Tensor
}

// newClassifier gives the input, called images or features, and the logits of s
// memory for batches of a size.
func newClassifier(s *ort.Session, images string, batch int) (*classifier, error) {
	c := &classifier{session: s}
	own := map[string]**ort.Tensor{images: &c.input, artifacts.Features: &c.input,
		artifacts.Logits: &c.logits, artifacts.Probabilities: &c.probabilities}
	for _, info := range append(s.Inputs(), s.Outputs()...) {
		if t := own[info.Name]; t != nil {
			var err error
			if *t, err = bindTensor(s, info, int64(batch)); err != nil {
				c.close()
				return nil, err
			}
		}
	}
	if c.input == nil || c.logits == nil {
		c.close()
		return nil, fmt.Errorf("the model has no input %q or no output %q", images, artifacts.Logits)
	}
	return c, nil
}

// predict classifies a split in its order, which loader keeps. With half the
// logits are rounded to float16.
func (c *classifier) predict(ctx context.Context, split *data.Split, loader *data.Loader, half bool,
	report func(done, total int, detail string)) (*evaluation.Predictions, error) {
	classes := int(c.logits.Shape()[1])
	out := &evaluation.Predictions{Classes: split.Classes}
	return out, eachBatch(ctx, loader, func(b *data.Batch) error {
		// A last batch that is not full leaves earlier images behind it; their
		// logits are not read.
		copy(c.input.Float32(), b.Images)
		if err := c.session.Run(); err != nil {
			return err
		}
		for i := range b.N {
			sample := split.Samples[b.Indices[i]]
			out.Rows = append(out.Rows, evaluation.Prediction{Path: sample.Path, Label: sample.Class,
				Probabilities: softmax(c.logits.Float32()[i*classes:(i+1)*classes], half)})
		}
		report(len(out.Rows), len(split.Samples), "")
		return nil
	})
}

// softmax in float64, so that probabilities near 1 do not tie, of logits that
// half rounds to float16.
func softmax(logits []float32, half bool) []float64 {
	out, largest, sum := make([]float64, len(logits)), math.Inf(-1), 0.0
	for i, x := range logits {
		if out[i] = float64(x); half {
			out[i] = evaluation.RoundHalf(out[i])
		}
		largest = max(largest, out[i])
	}
	for i, x := range out {
		out[i] = math.Exp(x - largest)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

func (c *classifier) close() {
	for _, t := range []*ort.Tensor{c.input, c.logits, c.probabilities} {
		if t != nil {
			t.Close()
		}
	}
}
