package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"fovea/explain"
	"fovea/inference"
	"fovea/training"
	"fovea/training/config"
)

// imageFlags are the flags of the commands that send images through a model.
type imageFlags struct {
	model     string
	batch     int
	overrides texts
}

func (f *imageFlags) add(fs *flag.FlagSet, batch int) {
	fs.StringVar(&f.model, "model", "", "model.onnx of a run folder")
	fs.IntVar(&f.batch, "batch", batch, "images a forward pass")
	fs.Var(&f.overrides, "set", "override a key of the runtime section")
}

// open checks the flags, finds the images and loads the runtime.
func (f *imageFlags) open(a *app, ctx context.Context, fs *flag.FlagSet, operands []string, task string) (in explain.Input, r config.Runtime, err error) {
	switch {
	case len(operands) == 0:
		err = &usageError{fs.Name(), errors.New("missing images: files or folders")}
	case f.batch < 1:
		err = &usageError{fs.Name(), fmt.Errorf("-batch %d: must be at least 1", f.batch)}
	default:
		r, err = config.ReadRuntime(f.overrides, a.environ)
	}
	if err != nil {
		return in, r, err
	}
	in = explain.Input{Model: f.model, Progress: func(done, total int) {
		a.console.update(training.Update{Task: task, Done: done, Total: total, Unit: "images"})
	}}
	d, err := inference.Describe(f.model, inference.Description{})
	if err != nil {
		return in, r, err
	}
	in.Classes, in.Transform = d.Classes, d.Transform()
	if in.Images, err = inference.Paths(operands, os.Stdin); err != nil {
		return in, r, err
	}
	return in, r, a.loadRuntime(ctx, r)
}

func runExplain(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("explain")
	var f imageFlags
	var o explain.WriteOptions
	f.add(fs, 4)
	methods := fs.String("method", "", "methods, separated by commas")
	fs.StringVar(&o.Class, "class", "", "class to explain")
	fs.StringVar(&o.Out, "out", "explanations", "folder to write to")
	fs.IntVar(&o.Steps, "steps", 32, "steps of integrated gradients")
	fs.BoolVar(&o.Randomize, "sanity", false, "compare with the model of shuffled weights")
	operands, err := parseOperands(fs, args)
	if err != nil {
		return err
	}
	if err := required(fs, "model", "out"); err != nil {
		return err
	}
	if *methods != "" {
		if o.Methods, err = explain.ParseMethods(*methods); err != nil {
			return &usageError{fs.Name(), fmt.Errorf("-method: %w", err)}
		}
	}
	if o.Steps < 1 {
		return &usageError{fs.Name(), fmt.Errorf("-steps %d: must be at least 1", o.Steps)}
	}
	in, r, err := f.open(a, ctx, fs, operands, "explain")
	if err != nil {
		return err
	}
	o.Input, o.Batch, o.Threads = in, f.batch, r.Threads
	err = explain.Write(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%d images, written to: %s\n", len(in.Images), o.Out)
	return nil
}

func runFeatures(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("features")
	var f imageFlags
	var o explain.FeatureOptions
	f.add(fs, 16)
	fs.StringVar(&o.Out, "out", "", "F.csv or F.npy")
	fs.StringVar(&o.PCA, "pca", "", "picture of the first two principal components, PNG")
	operands, err := parseOperands(fs, args)
	if err != nil {
		return err
	}
	if err := required(fs, "model", "out"); err != nil {
		return err
	}
	in, r, err := f.open(a, ctx, fs, operands, "features")
	if err != nil {
		return err
	}
	o.Input, o.Batch, o.Threads = in, f.batch, r.Threads
	err = explain.WriteFeatures(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%d images, written to: %s\n", len(in.Images), o.Out)
	return nil
}
