package main

import (
	"context"
	"errors"
	"fmt"

	"fovea/models/imported"
)

func gradcheckCommand(a *app) *command {
	m := newModelFlags(2)
	var seed uint64
	return &command{
		name:     "gradcheck",
		summary:  "differentiate a model and compare with finite differences",
		synopsis: []string{"trainer gradcheck -model FILE [flags]"},
		text: `
Checks the gradients of an ONNX model against finite differences. It takes derivatives along random directions in the
space of all float32 inputs and initializers, at random inputs.

If they disagree, each node is compared by itself, at the values that it has in the model. The first node whose rule
disagrees is named, and the exit code is 1.

Initializers with one element keep their value, because exporters write the constants of formulas that way. Inputs of
other types are zero.
`,
		flags: append([]flagEntry{
			m.file("model to check"),
			{&seed, "seed", "S", "seed of the inputs and directions (default 0)"},
		}, m.running()...),
		examples: "trainer gradcheck -model classifier.onnx",
		required: []string{"model"},
		run:      func(ctx context.Context, _ []string) error { return a.gradcheck(ctx, m, seed) },
	}
}

func (a *app) gradcheck(ctx context.Context, m *modelFlags, seed uint64) error {
	file, err := m.open(ctx, a)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := file.Check(ctx, seed)
	if err != nil {
		return fmt.Errorf("%s: %w", m.model, err)
	}
	a.printf("%s with respect to %d inputs and parameters, along random directions:\n", m.model, len(r.Values))
	for _, c := range r.Comparisons {
		a.printComparisonOf(c)
	}
	switch {
	case r.Agrees():
		fmt.Fprintln(a.stdout, "the gradients agree")
		return nil
	case r.Wrong != nil:
		a.printf("first node that disagrees by itself: %s\n", r.Wrong)
		a.printComparisonOf(r.WrongComparison)
		return fmt.Errorf("the rule of %s is wrong", r.Wrong.Op)
	}
	a.printf("each of the %d nodes agrees by itself\n", r.Nodes)
	return errors.New("the gradients disagree with finite differences: the model may not be smooth here, try another -seed")
}

func (a *app) printComparisonOf(c imported.Comparison) {
	verdict := "agrees"
	switch {
	case !c.Agrees():
		verdict = "DISAGREES"
	case c.Vanishes():
		verdict = "agrees: both are below the rounding of the outputs"
	case !c.Decides():
		verdict = "agrees, but the difference is not sure"
	}
	a.printf("  gradient %12.6g  difference %12.6g ± %.1g  of size %.3g  %s\n",
		c.Gradient, c.Difference, c.Uncertainty, c.Size, verdict)
}
