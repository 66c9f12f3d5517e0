package main

import (
	"context"
	"fmt"

	"fovea/inference/explain"
	"fovea/training/config"
)

// explainInput is the model of classifierFlags and the images that operands name.
func explainInput(a *app, ctx context.Context, m *classifierFlags, command string, operands []string, skip bool) (in explain.Input, r config.Runtime, err error) {
	d, r, err := m.describe(a, command)
	if err != nil {
		return in, r, err
	}
	in = explain.Input{Model: m.path, Description: d, Skip: skip, Progress: a.console.update}
	if in.Images, err = imagePaths(command, operands); err != nil {
		return in, r, err
	}
	return in, r, a.loadRuntime(ctx, r)
}

func runExplain(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("explain")
	var m classifierFlags
	var o explain.WriteOptions
	m.add(fs, 4)
	skip := fs.Bool("skip-unreadable", false, "leave out images that cannot be read")
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
	in, r, err := explainInput(a, ctx, &m, "explain", operands, *skip)
	if err != nil {
		return err
	}
	o.Input, o.Batch, o.Threads = in, m.batch, r.Threads
	n, err := explain.Write(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%d images, written to: %s\n", n, o.Out)
	return nil
}

func runFeatures(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("features")
	var m classifierFlags
	var o explain.FeatureOptions
	m.add(fs, 16)
	skip := fs.Bool("skip-unreadable", false, "leave out images that cannot be read")
	fs.StringVar(&o.Out, "out", "", "F.csv or F.npy")
	fs.StringVar(&o.PCA, "pca", "", "picture of the first two principal components, PNG")
	operands, err := parseOperands(fs, args)
	if err != nil {
		return err
	}
	if err := required(fs, "model", "out"); err != nil {
		return err
	}
	in, r, err := explainInput(a, ctx, &m, "features", operands, *skip)
	if err != nil {
		return err
	}
	o.Input, o.Batch, o.Threads = in, m.batch, r.Threads
	n, err := explain.WriteFeatures(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%d images, written to: %s\n", n, o.Out)
	return nil
}
