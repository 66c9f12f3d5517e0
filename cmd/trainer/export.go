package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fovea/graphs/deploy"
	"fovea/inference/export"
)

func runExport(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("export")
	o := export.Options{Progress: a.console.update}
	var model classifierFlags
	model.add(fs, 16)
	variants := fs.String("variants", strings.Join(export.Variants, ","), "variants, separated by commas")
	fs.Int64Var(&o.Opset, "opset", 0, "version of ONNX's operators")
	fs.BoolVar(&o.Raw, "raw", false, "also models that take whole images")
	fs.StringVar(&o.Data, "data", "", "folder that holds the split")
	fs.StringVar(&o.Split, "split", "val", "folder to measure on")
	fs.StringVar(&o.Out, "out", "", "folder to write to")
	fs.BoolVar(&o.Skip, "skip-unreadable", false, "leave out images that cannot be read")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := required(fs, "model", "variants", "split"); err != nil {
		return err
	}
	bad := func(format string, args ...any) error { return &usageError{"export", fmt.Errorf(format, args...)} }
	for name := range strings.SplitSeq(*variants, ",") {
		if !slices.Contains(export.Variants, name) {
			return bad("-variants %s: must be some of %s", *variants, strings.Join(export.Variants, ","))
		}
		o.Variants = append(o.Variants, name)
	}
	switch {
	case o.Opset != 0 && (o.Opset < deploy.OldestOpset || o.Opset > deploy.NewestOpset):
		return bad("-opset %d: must be %d to %d", o.Opset, deploy.OldestOpset, deploy.NewestOpset)
	case o.Raw && o.Opset != 0 && o.Opset < deploy.EmbedOpset:
		return bad("-opset %d with -raw: %w", o.Opset, errors.New("only opset 18 and later can resize with antialiasing"))
	}
	given, runtime, err := model.read(a, "export")
	if err != nil {
		return err
	}
	o.Given, o.Runtime = given, runtime.Engine()
	o.Model, o.Batch = model.path, model.batch
	if o.Out == "" {
		o.Out = filepath.Join(filepath.Dir(o.Model), "export")
	}
	report, err := export.Write(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	if err := report.WriteText(a.stdout); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "written to: %s\n", o.Out)
	return nil
}
