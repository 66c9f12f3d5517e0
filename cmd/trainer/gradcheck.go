package main

import (
	"context"
	"errors"
	"fmt"

	"fovea/models/imported"
)

func runGradcheck(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("gradcheck")
	var m modelFlags
	m.add(fs)
	seed := fs.Uint64("seed", 0, "seed of inputs and directions")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := required(fs, "model"); err != nil {
		return err
	}
	file, err := m.open(a, ctx, fs)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := file.Check(ctx, *seed)
	if err != nil {
		return fmt.Errorf("%s: %w", m.model, err)
	}
	fmt.Fprintf(a.stdout, "%s with respect to %d inputs and parameters, along random directions:\n", m.model, len(r.Values))
	for _, c := range r.Comparisons {
		a.printComparisonOf(c)
	}
	switch {
	case r.Agrees():
		fmt.Fprintln(a.stdout, "the gradients agree")
		return nil
	case r.Wrong != nil:
		fmt.Fprintf(a.stdout, "first node that disagrees by itself: %s\n", r.Wrong)
		a.printComparisonOf(r.WrongComparison)
		return fmt.Errorf("the rule of %s is wrong", r.Wrong.Op)
	}
	fmt.Fprintf(a.stdout, "each of the %d nodes agrees by itself\n", r.Nodes)
	return errors.New("the gradients disagree with finite differences: the model may not be smooth here, try another -seed")
}

func (a *app) printComparisonOf(c imported.Comparison) {
	verdict := "agrees"
	switch {
	case !c.Agrees():
		verdict = "DISAGREES"
	case !c.Decides():
		verdict = "agrees, but the difference is not sure"
	}
	fmt.Fprintf(a.stdout, "  gradient %12.6g  difference %12.6g ± %.1g  of size %.3g  %s\n",
		c.Gradient, c.Difference, c.Uncertainty, c.Size, verdict)
}
