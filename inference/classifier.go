package inference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"fovea/onnx/ort"
)

// Classifier runs a session in batches. It is for one goroutine at a time.
type Classifier struct {
	session *ort.Session
	owned   bool // Close closes the session
	binding Binding
	whole   *bound
	fewer   []*bound // of smaller batches, ascending; see RunFewer
	current *bound
	reading reading
}

// Open makes a model file ready for batches of a size. A model that takes a fixed number of images has that batch size.
// It resolves d, see [Description.Resolve].
func Open(path string, d *Description, batch int, o ort.Options) (*Classifier, error) {
	if d.Raw {
		return nil, fmt.Errorf("%s takes whole images, one at a time, and prepares them itself: only trainer predict takes "+
			"it; use the model of the export without _raw in its name", path)
	}
	ctx := cmp.Or(o.Context, context.Background())
	if err := d.Resolve(ctx, path); err != nil {
		return nil, err
	}
	s, output, err := openSession(path, d, o)
	if err != nil {
		return nil, err
	}
	c, err := NewClassifier(s, Binding{Input: d.Input, Output: output, Batch: batch, Side: d.Size,
		Classes: len(d.Classes), Half: d.Half})
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.owned, c.reading = true, d.reading()
	return c, nil
}

// NewClassifier allocates memory for the input and the outputs of s. The output must be logits. All other inputs must
// have been bound; they and s stay the caller's.
func NewClassifier(s *ort.Session, b Binding) (*Classifier, error) {
	c := &Classifier{session: s, binding: b, reading: reading{half: b.Half}}
	var err error
	if c.whole, err = newBound(s, b); err == nil {
		err = c.use(c.whole)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// RunFewer makes batches that are not full run as the next power of two inputs, if the model takes any number. That is
// faster, but the last bits of the probabilities may then depend on how many inputs run together.
func (c *Classifier) RunFewer() error {
	if c.fewer != nil {
		return nil
	}
	for size := 1; size < c.Batch(); size *= 2 {
		b := c.binding
		b.Batch = size
		smaller, err := newBound(c.session, b)
		if err != nil {
			return err
		}
		if smaller.batch() != size { // the model takes a fixed number
			return smaller.close()
		}
		c.fewer = append(c.fewer, smaller)
	}
	return nil
}

// use binds the tensors of b to the session.
func (c *Classifier) use(b *bound) error {
	if c.current == b {
		return nil
	}
	for name, t := range b.tensors {
		if err := c.session.Bind(name, t); err != nil {
			return err
		}
	}
	c.current = b
	return nil
}

// Batch returns the number of inputs of a run.
func (c *Classifier) Batch() int { return c.whole.batch() }

// Classify returns the probabilities of n inputs that follow one another.
func (c *Classifier) Classify(inputs []float32, n int) ([][]float64, error) {
	out := make([][]float64, 0, n)
	if n == 0 {
		return out, nil
	}
	size, classes := len(inputs)/n, int(c.whole.output.Shape()[1])
	if want := c.inputSize(); size != want {
		return nil, fmt.Errorf("%d inputs have %d values, but each takes %d", n, len(inputs), want)
	}
	for len(out) < n {
		now := min(n-len(out), c.Batch())
		b := c.whole
		for _, smaller := range slices.Backward(c.fewer) {
			if smaller.batch() >= now {
				b = smaller
			}
		}
		if err := c.use(b); err != nil {
			return nil, err
		}
		// A batch that is not full leaves earlier inputs behind it; their scores are not read.
		copy(b.input.Float32(), inputs[len(out)*size:(len(out)+now)*size])
		if err := c.session.Run(); err != nil {
			return nil, err
		}
		scores := b.output.Float32()[:now*classes]
		if err := c.reading.check(scores, classes); err != nil {
			return nil, err
		}
		for row := range slices.Chunk(scores, classes) {
			p, err := c.reading.probabilities(row)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// inputSize returns the number of values of one input.
func (c *Classifier) inputSize() int { return len(c.whole.input.Float32()) / c.Batch() }

// Close frees the classifier's memory, and the session if Open made it.
func (c *Classifier) Close() error {
	var failed []error
	for _, b := range append(c.fewer, c.whole) {
		if b != nil {
			failed = append(failed, b.close())
		}
	}
	if c.owned {
		failed = append(failed, c.session.Close())
	}
	return errors.Join(failed...)
}
