package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"fovea/graphs/importer"
	"fovea/models/imported"
	"fovea/onnx/ort/install"
	"fovea/training/config"
)

// A modelFlags value holds the flags of the commands that look into any ONNX model.
type modelFlags struct {
	model     string
	sizes     importer.Sizes
	overrides texts
}

// newModelFlags returns flags with a default for -batch.
func newModelFlags(batch int64) *modelFlags { return &modelFlags{sizes: importer.Sizes{Batch: batch}} }

// file defines -model.
func (m *modelFlags) file(text string) flagEntry { return flagEntry{&m.model, "model", "FILE", text} }

// running defines the flags that say how the model is run.
func (m *modelFlags) running() []flagEntry {
	return []flagEntry{
		{&m.sizes.Batch, "batch", "N", "size of an input's first dimension where it is symbolic"},
		{(*dimensions)(&m.sizes.Named), "dim", "NAME=N", "size of another symbolic dimension (INPUT:AXIS=N if it has no name); may repeat"},
		runtimeFlag(&m.overrides),
	}
}

// runtime checks the flags and returns the runtime section.
func (m *modelFlags) runtime(a *app) (config.Runtime, error) {
	if m.sizes.Batch < 1 {
		return config.Runtime{}, badUsage("-batch %d: must be at least 1", m.sizes.Batch)
	}
	return config.ReadRuntime(m.overrides, a.environ)
}

// open checks the flags, loads the runtime and opens the model.
func (m *modelFlags) open(ctx context.Context, a *app) (*imported.File, error) {
	r, err := m.runtime(a)
	if err != nil {
		return nil, err
	}
	if err := a.loadRuntime(ctx, r.Library); err != nil {
		return nil, err
	}
	return imported.Open(ctx, m.model, m.sizes)
}

// loadRuntime finds or fetches ONNX Runtime for work on the CPU.
func (a *app) loadRuntime(ctx context.Context, library string) error {
	_, err := install.Load(ctx, install.Source{Library: library, Progress: a.console.update})
	return err
}

// A dimensions value holds the flag -dim, which may be repeated.
type dimensions map[string]int64

func (d *dimensions) String() string { return "" }

func (d *dimensions) Set(s string) error {
	cut := max(strings.LastIndex(s, "="), 0) // names may have one
	name, text := s[:cut], strings.TrimPrefix(s[cut:], "=")
	n, err := strconv.ParseInt(text, 10, 64)
	if name == "" || err != nil || n < 1 {
		return fmt.Errorf("%q is not NAME=N", s)
	}
	if *d == nil {
		*d = dimensions{}
	}
	(*d)[name] = n
	return nil
}
