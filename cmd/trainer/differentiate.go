package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"fovea/graphs/importer"
	"fovea/models/imported"
	"fovea/onnx/ort/install"
	"fovea/training/config"
)

// modelFlags are the flags of the commands that differentiate a model.
type modelFlags struct {
	model     string
	sizes     importer.Sizes
	overrides texts
}

func (m *modelFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&m.model, "model", "", "ONNX model")
	m.addSizes(fs, 2)
}

// addSizes adds what tells how a model is run.
func (m *modelFlags) addSizes(fs *flag.FlagSet, batch int64) {
	fs.Int64Var(&m.sizes.Batch, "batch", batch, "size of a symbolic first dimension")
	fs.Func("dim", "NAME=N, size of another symbolic dimension", func(s string) error {
		name, text, _ := strings.Cut(s, "=")
		n, err := strconv.ParseInt(text, 10, 64)
		if name == "" || err != nil || n < 1 {
			return fmt.Errorf("%q is not NAME=N", s)
		}
		if m.sizes.Named == nil {
			m.sizes.Named = map[string]int64{}
		}
		m.sizes.Named[name] = n
		return nil
	})
	fs.Var(&m.overrides, "set", "override a key of the runtime section")
}

// runtime checks the flags and returns the runtime section.
func (m *modelFlags) runtime(a *app, fs *flag.FlagSet) (config.Runtime, error) {
	if m.sizes.Batch < 1 {
		return config.Runtime{}, &usageError{fs.Name(), fmt.Errorf("-batch %d: must be at least 1", m.sizes.Batch)}
	}
	return config.ReadRuntime(m.overrides, a.environ)
}

// open checks the flags, loads the runtime and opens the model.
func (m *modelFlags) open(a *app, ctx context.Context, fs *flag.FlagSet) (*imported.File, error) {
	r, err := m.runtime(a, fs)
	if err != nil {
		return nil, err
	}
	if err := a.loadRuntime(ctx, r); err != nil {
		return nil, err
	}
	return imported.Open(m.model, m.sizes)
}

// loadRuntime finds or fetches ONNX Runtime.
func (a *app) loadRuntime(ctx context.Context, r config.Runtime) error {
	defer a.console.endTask()
	_, err := install.Load(ctx, install.Source{Library: r.Library, Progress: a.console.update})
	return err
}

func runDifferentiate(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("differentiate")
	var m modelFlags
	m.add(fs)
	wrt := fs.String("wrt", "", "inputs and initializers, separated by commas")
	out := fs.String("out", "", "model to write")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := required(fs, "model", "out"); err != nil {
		return err
	}
	file, err := m.open(a, ctx, fs)
	if err != nil {
		return err
	}
	defer file.Close()
	var names []string
	if *wrt != "" {
		names = strings.Split(*wrt, ",")
	}
	g, err := file.Differentiate(names...)
	if err != nil {
		return fmt.Errorf("%s: %w", m.model, err)
	}
	if err := imported.Save(*out, g); err != nil {
		return err
	}
	for _, v := range g.Inputs {
		fmt.Fprintf(a.stdout, "input   %s\n", v)
	}
	for _, v := range g.Outputs {
		fmt.Fprintf(a.stdout, "output  %s\n", v)
	}
	fmt.Fprintf(a.stdout, "written to: %s\n", *out)
	return nil
}
