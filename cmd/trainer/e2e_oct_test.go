package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
)

// TestOCT goes through a run with OCT scans: grey JPEGs of two sizes, four classes. A tiny ViT learns its 16 training
// scans by heart. Eight test scans say nothing about quality, so no metric is expected of them.
func TestOCT(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on OCT scans")
	}
	runs := t.TempDir()
	data := "../../data/testdata/kermany_oct_mini"
	code, _, stderr := trainer(t, "-config", "../../docs/oct.toml", "-set", "data.dir="+data, "-set", "output.dir="+runs,
		"-set", "runtime.provider=cpu")
	if code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	var losses []float64
	for line := range bytes.Lines(read(t, runs, "oct/log.txt")) {
		var epoch struct {
			Loss float64 `json:"train_loss"`
		}
		if err := json.Unmarshal(line, &epoch); err != nil {
			t.Fatal(err)
		}
		losses = append(losses, epoch.Loss)
	}
	if len(losses) != 24 {
		t.Fatalf("log.txt has %d epochs", len(losses))
	}
	first, last := losses[0], losses[len(losses)-1]
	t.Logf("training loss %.4f, in the end %.4f", first, last)
	if last > first/4 {
		t.Errorf("the training loss goes from %g to %g only", first, last)
	}
	model := filepath.Join(runs, "oct/model.onnx")
	code, stdout, stderr := trainer(t, "eval", "-model", model, "-data", data, "-out", t.TempDir())
	if code != exitDone {
		t.Errorf("eval: exit code %d:\n%s%s", code, stdout, stderr)
	}
	if rows := bytes.Count(read(t, runs, "oct/predictions_test.csv"), []byte("\n")); rows != 1+8 {
		t.Errorf("predictions_test.csv has %d lines, want a header and 8 scans", rows)
	}
}
