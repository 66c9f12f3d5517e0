package inference_test

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/inference"
	"fovea/internal/graphtest"
	"fovea/onnx/engine"
)

const checkpoints = "../models/trained/testdata/"

// retfound writes checkpoint-best.pth as RETFound's script of 2025 does. See tools/oracle/finetuned_checkpoints.py.
func retfound(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoint-best.pth")
	if err := os.WriteFile(path, graphtest.Unzip(t, checkpoints+"retfound.pth.gz"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func table(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestEvaluateRETFound: the ten columns of RETFound's own evaluation and PyTorch's probabilities, from the checkpoint
// alone and the names of the classes.
func TestEvaluateRETFound(t *testing.T) {
	const data = "../data/testdata/retinamnist"
	folders, err := filepath.Glob(data + "/train/*")
	if err != nil {
		t.Fatal(err)
	}
	var classes []string
	for _, f := range folders {
		classes = append(classes, filepath.Base(f))
	}
	o := inference.EvalOptions{Model: retfound(t), Data: data, Split: "val", Out: t.TempDir(), Batch: 16,
		Intervals: evaluation.Intervals{Rounds: 20, Level: 0.95},
		Runtime:   engine.Settings{Provider: "cpu"}, Given: inference.Description{Classes: classes}}
	if _, err := inference.Evaluate(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	got, want := table(t, filepath.Join(o.Out, "metrics_val.csv")), table(t, checkpoints+"retfound.csv")
	for i, name := range want[0] {
		if got[0][i] != name || math.Abs(number(t, got[1][i])-number(t, want[1][i])) > 1e-6 {
			t.Errorf("%s is %s, want %s %s", got[0][i], got[1][i], name, want[1][i])
		}
	}
	rows := map[string][]string{} // by path, which begins with the split
	for _, row := range table(t, filepath.Join(o.Out, "predictions_val.csv"))[1:] {
		rows[row[0]] = row
	}
	for _, want := range table(t, checkpoints+"probabilities.csv")[1:] {
		got := rows[strings.TrimPrefix(want[0], "val/")]
		if got == nil {
			got = rows[want[0]]
		}
		for i := range classes {
			if got == nil || math.Abs(number(t, got[3+i])-number(t, want[2+i])) > 1e-6 {
				t.Fatalf("%s: %q, want %q", want[0], got, want)
			}
		}
	}
}

// What a checkpoint does not say must be said, and what is said must fit it.
func TestDescribeCheckpoint(t *testing.T) {
	path := retfound(t)
	for _, test := range []struct {
		given inference.Description
		want  string
	}{
		{inference.Description{}, ""},
		{inference.Description{Size: 48}, ""},
		{inference.Description{Classes: []string{"a", "b"}}, "its head has 5 classes, but the names are of 2: a, b"},
		{inference.Description{Size: 30}, "a size of 30 pixels is no multiple of the patches"},
		{inference.Description{Size: 256}, ""},
	} {
		d, err := inference.Describe(path, test.given)
		switch {
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("error %v, want one with %q", err, test.want)
		case test.want == "" && err != nil:
			t.Error(err)
		case err == nil && ((d.Crop == 0.875) != (d.Size <= 224) || d.LossBatch != 16 || len(d.Classes) != 5 || d.Mean[0] != 0.485):
			t.Errorf("%+v", d)
		}
	}
}
