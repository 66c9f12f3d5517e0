//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A pipe in the place of a file is an error at once: none of these pipes has a writer.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	pipe := func(name string) string {
		path := filepath.Join(dir, name)
		if err := unix.Mkfifo(path, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const table = "../../evaluation/testdata/tables/pred_float.csv"
	out := filepath.Join(dir, "out")
	onnx := pipe("m.onnx")
	for _, args := range [][]string{
		{"-config", pipe("c.toml")},
		{"inspect", onnx},
		{"inspect", pipe("w.pth")},
		{"inspect", pipe("w.safetensors")},
		{"inspect", pipe("w.index.json")},
		{"predict", "-model", onnx, "x.png"},
		{"predict", "-model", "../../inference/testdata/scores/torch_logits.onnx", "-classes", pipe("classes.txt"), "x.png"},
		{"differentiate", "-model", onnx, "-out", out},
		{"eval", "-predictions", pipe("p.csv"), "-out", out},
		{"eval", "-predictions", table, "-labels", pipe("l.csv"), "-out", out},
		{"compare", pipe("a.csv"), table},
		{"prepare", "octid", pipe("x.zip"), out},
		{"prepare", "octid", pipe("x.zip.001"), out},
	} {
		code, _, stderr := trainer(t, args...)
		if code == exitDone || !strings.Contains(stderr, "this is a named pipe, not a file") {
			t.Errorf("%q: code %d, %s", args, code, stderr)
		}
	}
}
