package main

import (
	"context"
	"fmt"
	"io"

	"fovea/internal/durable"
	"fovea/models/inspect"
)

func inspectCommand(a *app) *command {
	m := newModelFlags(1)
	var list, asJSON bool
	var dot string
	var depth int
	return &command{
		name:     "inspect",
		summary:  "show what is in a model or a weight file, and draw it",
		synopsis: []string{"trainer inspect FILE [flags]"},
		text: `
Shows what is in FILE.

For an ONNX model it lists producer, versions, inputs, outputs, metadata, parameters and operators, and whether each
operator has a gradient rule. The model is then run once and differentiated, which shows

  the cost of a forward pass in multiply-adds, FLOPs (two for each) and memory
  the parameters that a gradient reaches
  how many of the forward pass's values the backward pass reads
  what training it as model.onnx of a config would do

What cannot be run or differentiated is listed with the reason.

For a weight file (.safetensors, .pth, .pdparams, .index.json) it lists tensors by prefix, element types, metadata,
which model.arch can load it and how much of that it fills, and the classifier that it is with its head.
`,
		flags: append([]flagEntry{
			{&list, "list", "", "list each node with its result, or each tensor"},
			{&asJSON, "json", "", "write JSON, with sizes as numbers"},
			{&dot, "dot", "FILE", "draw the model for Graphviz"},
			{&depth, "depth", "N", `draw the nodes of a scope as one box. A scope is the first N parts of their names, such
				as blocks/blocks.0 (default: as many as stay readable)`},
		}, m.running()...),
		examples: `
trainer inspect runs/octid/model.onnx -batch 16 -dot model.dot
trainer inspect RETFound_mae_meh.pth
`,
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			if len(operands) != 1 {
				return badUsage("expected one model or weight file, found %q", operands)
			}
			if depth < 0 {
				return badUsage("-depth %d: must be at least 0", depth)
			}
			r, err := a.inspect(ctx, operands[0], m)
			if err != nil {
				return err
			}
			if dot != "" {
				if err := writeDOT(r, depth, dot); err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if asJSON {
				return r.WriteJSON(a.stdout, list)
			}
			return r.WriteText(a.text, list)
		},
	}
}

// inspect reads a file. If it is a model, inspect also measures what it costs.
func (a *app) inspect(ctx context.Context, path string, m *modelFlags) (*inspect.Report, error) {
	runtime, err := m.runtime(a)
	if err != nil {
		return nil, err
	}
	r, err := inspect.Open(path)
	if err != nil || r.Model == nil {
		return r, err
	}
	if err := a.loadRuntime(ctx, runtime.Library); err != nil {
		r.Model.Unmeasured = err.Error()
	} else {
		r.Measure(ctx, m.sizes)
	}
	return r, nil
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
	return durable.Write(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
