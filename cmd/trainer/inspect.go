package main

import (
	"context"
	"fmt"
	"io"

	"fovea/models/inspect"
	"fovea/onnx"
)

func runInspect(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("inspect")
	var m modelFlags
	m.addSizes(fs, 1)
	list := fs.Bool("list", false, "list each node or tensor")
	asJSON := fs.Bool("json", false, "write JSON")
	dot := fs.String("dot", "", "picture to write in Graphviz's language")
	depth := fs.Int("depth", 0, "parts of the scopes that are one box of a picture")
	operands, err := parseOperands(fs, args)
	if err != nil {
		return err
	}
	if len(operands) != 1 {
		return &usageError{fs.Name(), fmt.Errorf("expected one model or weight file, found %q", operands)}
	}
	if *depth < 0 {
		return &usageError{fs.Name(), fmt.Errorf("-depth %d: must be at least 0", *depth)}
	}
	runtime, err := m.runtime(a, fs)
	if err != nil {
		return err
	}
	r, err := inspect.Open(operands[0])
	if err != nil {
		return err
	}
	if r.Model != nil {
		if err := a.loadRuntime(ctx, runtime); err != nil {
			r.Model.Unmeasured = err.Error()
		} else {
			r.Measure(m.sizes)
		}
	}
	if *dot != "" {
		if err := writeDOT(r, *depth, *dot); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if *asJSON {
		return r.WriteJSON(a.stdout, *list)
	}
	return r.WriteText(a.stdout, *list)
}

// writeDOT draws the model into a file in Graphviz's language.
func writeDOT(r *inspect.Report, depth int, path string) error {
	if r.Model == nil {
		return fmt.Errorf("%s is a weight file, which has no graph to draw", r.Path)
	}
	text, err := r.DOT(depth)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", r.Path, err)
	}
	return onnx.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
