package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"fovea/tools/worker"
)

// compareImported alternates our step of a torchvision model's ONNX file with PyTorch's of the model itself, and prints
// the operators of both.
func compareImported(ctx context.Context, s setup) error {
	dir, err := os.MkdirTemp("", "fovea-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.Model.ONNX, s.DropPath = filepath.Join(dir, "model.onnx"), 0
	peer, err := start(ctx, "PyTorch", python(s, "imported_peer.py"), s.Job)
	if err != nil {
		return err
	}
	theirs, err := peer.Send(worker.Request{Profile: true})
	if err != nil {
		return err
	}
	ours, err := start(ctx, "Fovea", worker.StartFovea, s.Job)
	if err != nil {
		return err
	}
	if err := compare(s, ours, peer); err != nil {
		return err
	}
	recorded, err := record(ctx, s)
	if err != nil {
		return err
	}
	fmt.Println()
	return printOperators(s, []string{"fovea", "PyTorch"}, recorded, theirs.Operators)
}

// python returns the starter of a script beside peer.py.
func python(s setup, script string) worker.Starter {
	return func(ctx context.Context) (*worker.Process, error) {
		return worker.Start(ctx, s.python, filepath.Join("tools", "worker", script))
	}
}
