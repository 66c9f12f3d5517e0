package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	dot := filepath.Join(t.TempDir(), "m.dot")
	code, stdout, stderr := trainer(t, "inspect", exported, "-batch", "3", "-list", "-dot", dot, "-depth", "2")
	if code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	// 37,044 are the multiply-adds of three images: tools/oracle/inspect_models.py.
	for _, text := range []string{exported + ": ONNX", "input           images float32[batch,3,8,8]",
		"  with          images float32[3,3,8,8]",
		"multiply-adds 37.0K, so 74.1K FLOPs", "gradients     of 3,293 in 31 tensors", "\nembed.bias float32[12]\n",
		`images "images" of 8×8 pixels; a new head replaces`, "12 features → 5 scores"} {
		if !strings.Contains(stdout, text) {
			t.Errorf("no %q in:\n%s", text, stdout)
		}
	}
	if content, err := os.ReadFile(dot); err != nil || !strings.Contains(string(content), "digraph") {
		t.Errorf("%s: %v\n%s", dot, err, content)
	}
}

func TestInspectJSON(t *testing.T) {
	code, stdout, stderr := trainer(t, "inspect", "-json", "-batch", "2", exported)
	var r struct {
		Model struct {
			Nodes    int
			Measured struct{ FLOPs int64 }
			List     []any
		}
	}
	if err := json.Unmarshal([]byte(stdout), &r); code != exitDone || err != nil {
		t.Fatalf("exit code %d, %v:\n%s", code, err, stderr)
	}
	if r.Model.Nodes == 0 || r.Model.Measured.FLOPs != 49392 || r.Model.List != nil {
		t.Errorf("%+v", r)
	}
}

func TestInspectWeights(t *testing.T) {
	path := "../../models/pretrained/testdata/teacher.pth"
	code, stdout, stderr := trainer(t, "inspect", path)
	if code != exitDone || !strings.Contains(stdout, "teacher.backbone.blocks.0.attn ") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	dot := filepath.Join(t.TempDir(), "m.dot")
	code, _, stderr = trainer(t, "inspect", path, "-dot", dot)
	if code != exitFailed || !strings.Contains(stderr, "is a weight file, which has no graph to draw") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}
