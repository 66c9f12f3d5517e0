package main

import (
	"context"
	"errors"

	"fovea/training/config"
)

func runDoctor(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("doctor")
	var overrides texts
	fs.Var(&overrides, "set", "override a key of the runtime section")
	if err := parse(fs, args); err != nil {
		return err
	}
	if _, err := config.ReadRuntime(overrides, a.environ); err != nil {
		return err
	}
	return errors.ErrUnsupported
}
