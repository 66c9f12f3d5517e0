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
	svg := fs.String("svg", "", "picture to write as SVG")
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
	if *svg+*dot != "" {
		if err := writePictures(r, *depth, *svg, *dot); err != nil {
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

// writePictures writes the files that are named.
func writePictures(r *inspect.Report, depth int, svg, dot string) error {
	if r.Model == nil {
		return fmt.Errorf("%s is a weight file, which has no graph to draw", r.Path)
	}
	p := r.Picture(depth)
	for path, draw := range map[string]func() ([]byte, error){svg: p.SVG, dot: p.DOT} {
		if path == "" {
			continue
		}
		text, err := draw()
		if err != nil {
			return fmt.Errorf("drawing %s: %w", r.Path, err)
		}
		err = onnx.WriteFileAtomic(path, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
