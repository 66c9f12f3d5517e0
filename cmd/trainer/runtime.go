package main

import (
	"context"
	"errors"
	"fmt"

	"fovea/onnx/ort"
	"fovea/training/config"
)

func runRuntime(a *app, ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "install" {
		return a.installRuntime(ctx, args[1:])
	}
	fs := a.newFlags("runtime")
	if err := fs.Parse(args); err == nil && fs.NArg() > 0 {
		err := fmt.Errorf("unknown command %q", fs.Arg(0))
		if n := config.Nearest(fs.Arg(0), []string{"install"}); n != "" {
			err = fmt.Errorf("%w, did you mean %s?", err, n)
		}
		return &usageError{"runtime", err}
	}
	if err := parse(fs, args); err != nil {
		return err
	}
	return &usageError{"runtime", errors.New("missing what to do: trainer runtime install")}
}

func (a *app) installRuntime(ctx context.Context, args []string) error {
	fs := a.newFlags("runtime")
	from := fs.String("from", "", "file or URL of the library or of an archive with it")
	if err := parse(fs, args); err != nil {
		return err
	}
	path, err := ort.Install(ctx, ort.InstallOptions{From: *from, Progress: func(done, total int64) {
		a.console.update(updateBytes("fetch ONNX Runtime", done, total))
	}})
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, path)
	return nil
}
