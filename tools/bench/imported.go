package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
)

// compareImported alternates our step of a torchvision model's ONNX file with
// PyTorch's of the model itself, and prints the operators of both.
func compareImported(ctx context.Context, s setup) error {
	dir, err := os.MkdirTemp("", "fovea-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.model = filepath.Join(dir, "model.onnx")
	peer, err := start(ctx, s.python, "tools/bench/imported_peer.py", "--arch", s.arch, "--batch-norm", s.batchNorm,
		"--export", s.model, "--size", strconv.Itoa(s.size), "--batch", strconv.Itoa(s.batch),
		"--threads", strconv.Itoa(s.threads), "--adamw", s.adamw)
	if err != nil {
		return err
	}
	theirs := map[string]operator{}
	if err := peer.ask("profile", &theirs); err != nil {
		return err
	}
	ours, err := startOurs(ctx, s)
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
	os.Stdout.WriteString("\n")
	return printOperators(s, []string{"fovea", "PyTorch"}, recorded, theirs)
}
