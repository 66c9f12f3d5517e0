package learner

import "errors"

// A cleanup gives back what was made, in the order in which it was added.
type cleanup struct{ steps []func() error }

func (c *cleanup) add(step func() error) { c.steps = append(c.steps, step) }

func (c *cleanup) close() error {
	var failed []error
	for _, step := range c.steps {
		failed = append(failed, step())
	}
	return errors.Join(failed...)
}
