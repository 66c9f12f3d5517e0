package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreignModel holds flags that describe a model which no run wrote.
var foreignModel = []string{"-model", "../../models/imported/testdata/cnn_torchscript17.onnx", "-crop", "1",
	"-mean", "0.5,0.5,0.5", "-std", "0.5,0.5,0.5", "-classes", "a,b,c,d,e", "-set", "runtime.provider=cpu"}

// TestPredictCommand: rows in order on standard output or in a file, a decision, and an exit code that tells whether
// anything, or all, could be read.
func TestPredictCommand(t *testing.T) {
	image := "../../data/testdata/kermany_oct_mini/test/CNV/CNV-6851127-1.jpeg"
	bad := filepath.Join(t.TempDir(), "a, b.png")
	if err := os.WriteFile(bad, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	predict := func(args ...string) (int, string, string) {
		return trainer(t, append(append([]string{"predict"}, foreignModel...), args...)...)
	}
	code, stdout, stderr := predict(image, bad, "-threshold", "a=0.0001", "-tta", "hflip")
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if code != exitDone || err != nil || len(rows) != 3 || !strings.Contains(stderr, "1 of 2 images") {
		t.Fatalf("exit code %d, %q, error %v:\n%s", code, rows, err, stderr)
	}
	if header := strings.Join(rows[0], " "); header != "path predicted a b c d e decision error" {
		t.Errorf("the header is %q", header)
	}
	if rows[1][0] != image || rows[1][7] != "a" || rows[1][8] != "" || rows[2][0] != bad || rows[2][7] != "" ||
		rows[2][8] == "" {
		t.Errorf("rows are %q", rows[1:])
	}
	if code, _, _ := predict("-strict", image, bad); code != exitFailed {
		t.Errorf("-strict: exit code %d", code)
	}
	if code, _, _ := predict(bad); code != exitFailed {
		t.Errorf("nothing readable: exit code %d", code)
	}

	out := filepath.Join(t.TempDir(), "p.jsonl")
	if code, stdout, stderr := predict("-format", "jsonl", "-abstain", "0.9999", "-out", out,
		filepath.Dir(image)); code != exitDone || stdout != "" {
		t.Fatalf("exit code %d, %q:\n%s", code, stdout, stderr)
	}
	for line := range strings.Lines(string(read(t, out))) {
		var row struct {
			Path, Predicted string
			Probabilities   map[string]float64
			Decision        *string
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil || len(row.Probabilities) != 5 || row.Decision != nil ||
			row.Path == "" || row.Predicted == "" {
			t.Errorf("%s: %+v, %v", line, row, err)
		}
	}

	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "missing the images"},
		{[]string{"x", "-tta", "3crop"}, "-tta 3crop: must be one of [hflip"},
		{[]string{"x", "-format", "xml"}, "-format xml"},
		{[]string{"x", "-model", "other.onnx"}, `cnn_torchscript17.onnx" and as "other.onnx", and takes one`},
		{[]string{"x", "-threshold", "f=0.5"}, `no class "f"`},
		{[]string{"x", "-mean", "1,a,2"}, "three numbers"},
		{[]string{"x", "-resize", "stretch"}, "-resize stretch: must be crop or squash"},
		{[]string{"x", "-crop", "2"}, "-crop 2: must be a number"},
		{[]string{"x", "-classes", "nofile"}, "neither names with commas"},
	} {
		if code, _, stderr := predict(test.args...); code != exitUsage || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: exit code %d, want %q:\n%s", test.args, code, test.want, stderr)
		}
	}
}
