package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const exported = "../../models/imported/testdata/vit_dynamo18.onnx"

func TestDifferentiate(t *testing.T) {
	out := filepath.Join(t.TempDir(), "g.onnx")
	code, stdout, stderr := trainer(t, "differentiate", "-model", exported, "-wrt", "images,embed.bias", "-batch", "3",
		"-out", out)
	if code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	for _, line := range []string{"input   images float32[3,3,8,8]", "input   logits.cotangent float32[3,5]",
		"output  images.grad float32[3,3,8,8]", "output  embed.bias.grad float32[12]", out} {
		if !strings.Contains(stdout, line) {
			t.Errorf("no %q in:\n%s", line, stdout)
		}
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
}

func TestDifferentiateLeavesNothingBehind(t *testing.T) {
	out := filepath.Join(t.TempDir(), "g.onnx")
	code, _, stderr := trainer(t, "differentiate", "-model", exported, "-wrt", "none", "-out", out)
	if code != exitFailed || !strings.Contains(stderr, "-wrt none: the model has no such input or initializer") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("there is a file")
	}
}

func TestGradcheck(t *testing.T) {
	code, stdout, stderr := trainer(t, "gradcheck", "-model", exported, "-batch", "1", "-seed", "3")
	if code != exitDone || strings.Count(stdout, " agrees\n") != 3 ||
		!strings.Contains(stdout, "32 inputs and parameters") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}
