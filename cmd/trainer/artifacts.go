package main

import (
	"context"
	"fmt"

	"fovea/training"
	"fovea/training/config"
)

func runArtifacts(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("artifacts")
	file := fs.String("config", "", "TOML config")
	out := fs.String("out", "", "folder to write to")
	var overrides texts
	fs.Var(&overrides, "set", "override a key")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := required(fs, "config", "out"); err != nil {
		return err
	}
	c, err := config.Read(*file, overrides, a.environ)
	if err != nil {
		return err
	}
	if err := training.WriteArtifacts(ctx, c, *out); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "artifacts: %s\n", *out)
	return nil
}
