package main

import (
	"context"
	"errors"
	"fmt"

	"fovea/onnx/ort/install"
	"fovea/training/config"
)

func runDoctor(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("doctor")
	var overrides texts
	fs.Var(&overrides, "set", "override a key of the runtime section")
	if err := parse(fs, args); err != nil {
		return err
	}
	r, err := config.ReadRuntime(overrides, a.environ)
	if err != nil {
		return err
	}
	report := install.Doctor(ctx, install.Source{Library: r.Library, Provider: r.Provider})
	if _, err := fmt.Fprint(a.stdout, report); err != nil {
		return err
	}
	if len(report.Problems) > 0 {
		return errors.New("this machine is not ready to train; the problems stand above")
	}
	return nil
}
