package inference

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"fovea/evaluation"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// Classifier runs a session in batches. It is for one goroutine at a time.
type Classifier struct {
	session       *ort.Session
	owned         bool // Close closes the session
	input, output *ort.Tensor
	others        []*ort.Tensor // outputs that are not read
	probabilities bool          // what the output is, else logits
	half          bool
}

// Open makes a model file ready for batches of a size; of one that takes a fixed
// number of images that is the size.
func Open(path string, d *Description, batch int, o ort.Options) (*Classifier, error) {
	s, err := ort.OpenSession(path, o)
	if err != nil {
		return nil, err
	}
	c, err := NewClassifier(s, Binding{Input: d.Input, Output: d.Output, Batch: batch, Side: d.Size, Classes: len(d.Classes)})
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.owned, c.probabilities, c.half = true, d.Scores == Probabilities, d.Half
	return c, nil
}

// Binding says what a classifier reads and writes.
type Binding struct {
	Input, Output string
	Batch         int  // in the place of a symbolic first dimension
	Side          int  // S of images [N,3,S,S]; 0: the input is something else, of known shape
	Classes       int  // C of the output [N,C]; 0: as the model says
	Half          bool // logits are rounded to float16
}

// NewClassifier gives input and outputs of s memory. The output is logits. All
// other inputs must have been bound; they and s stay the caller's.
func NewClassifier(s *ort.Session, b Binding) (*Classifier, error) {
	c := &Classifier{session: s, half: b.Half}
	if err := c.bind(b); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Classifier) bind(b Binding) error {
	for _, in := range c.session.Inputs() {
		if in.Name != b.Input {
			continue
		}
		shape := slices.Clone(in.Shape)
		if b.Side > 0 {
			if len(shape) != 4 || in.Type != pb.TensorProto_FLOAT {
				return fmt.Errorf("input %q is %s%v, not images: float32 [N,3,S,S]", in.Name, in.Type, shape)
			}
			for i, want := range []int64{0, 3, int64(b.Side), int64(b.Side)} {
				if i > 0 && shape[i] >= 0 && shape[i] != want {
					return fmt.Errorf("input %q takes images %v, but they are prepared as 3×%d×%d", in.Name, in.Shape, b.Side, b.Side)
				}
				if shape[i] < 0 {
					shape[i] = want
				}
			}
		}
		if len(shape) == 0 {
			return fmt.Errorf("input %q is a scalar, not a batch", in.Name)
		}
		if in.Shape[0] < 0 {
			shape[0] = int64(b.Batch)
		}
		var err error
		if c.input, err = bindNew(c.session, in, shape); err != nil {
			return err
		}
	}
	if c.input == nil {
		return fmt.Errorf("the model has no input %q", b.Input)
	}
	batch := c.input.Shape()[0]
	for _, out := range c.session.Outputs() {
		shape := slices.Clone(out.Shape)
		read := out.Name == b.Output
		for i := range shape {
			switch {
			case shape[i] >= 0:
			case read && i == 1:
				shape[i] = int64(b.Classes)
			default:
				shape[i] = batch
			}
		}
		if read && (len(shape) != 2 || out.Type != pb.TensorProto_FLOAT || shape[0] != batch ||
			b.Classes > 0 && shape[1] != int64(b.Classes)) {
			return fmt.Errorf("output %q is %s%v, not the scores of %d images for %d classes: float32 [N,C]",
				out.Name, out.Type, out.Shape, batch, b.Classes)
		}
		t, err := bindNew(c.session, out, shape)
		if err != nil {
			return err
		}
		if read {
			c.output = t
		} else {
			c.others = append(c.others, t)
		}
	}
	if c.output == nil {
		return fmt.Errorf("the model has no output %q", b.Output)
	}
	return nil
}

func bindNew(s *ort.Session, info ort.Info, shape []int64) (*ort.Tensor, error) {
	t, err := ort.NewTensor(info.Type, shape...)
	if err != nil {
		return nil, err
	}
	if err := s.Bind(info.Name, t); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Batch is the number of inputs of a run.
func (c *Classifier) Batch() int { return int(c.input.Shape()[0]) }

// Classify returns the probabilities of n inputs that follow one another.
func (c *Classifier) Classify(inputs []float32, n int) ([][]float64, error) {
	out := make([][]float64, 0, n)
	if n == 0 {
		return out, nil
	}
	size, classes := len(inputs)/n, int(c.output.Shape()[1])
	to, scores := c.input.Float32(), c.output.Float32()
	if size*c.Batch() != len(to) {
		return nil, fmt.Errorf("%d inputs have %d values, but a batch of %d takes %d", n, len(inputs), c.Batch(), len(to))
	}
	for len(out) < n {
		// A batch that is not full leaves earlier inputs behind it; their scores
		// are not read.
		now := min(n-len(out), c.Batch())
		copy(to, inputs[len(out)*size:(len(out)+now)*size])
		if err := c.session.Run(); err != nil {
			return nil, err
		}
		for i := range now {
			p, err := c.read(scores[i*classes : (i+1)*classes])
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// read makes probabilities of an input's scores.
func (c *Classifier) read(scores []float32) ([]float64, error) {
	if !c.probabilities {
		return softmax(scores, c.half), nil
	}
	out, sum := make([]float64, len(scores)), 0.0
	for i, x := range scores {
		if out[i] = float64(x); x < 0 {
			return nil, errors.New("the model's scores are not probabilities, one is negative: say scores=logits")
		}
		sum += out[i]
	}
	if math.Abs(sum-1) > 1e-2 { // half precision rounds; NaN passes, it is the image's error
		return nil, fmt.Errorf("the model's scores are not probabilities, their sum is %g: say scores=logits", sum)
	}
	return out, nil
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

// Close frees the classifier's memory, and the session if Open made it.
func (c *Classifier) Close() error {
	var failed []error
	for _, t := range append(c.others, c.input, c.output) {
		if t != nil {
			failed = append(failed, t.Close())
		}
	}
	if c.owned {
		failed = append(failed, c.session.Close())
	}
	return errors.Join(failed...)
}
