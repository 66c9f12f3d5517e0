package mlflow

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Files have the forms that MLflow's client was seen to read; tools/oracle/mlflow_store.py asks it.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	at := time.UnixMilli(1_700_000_000_000)
	r := Run{Name: "a: \"b\"\nκ", Folder: "/runs/a b", Status: Finished, Start: at, End: at.Add(time.Minute),
		Params: map[string]string{"training.batch": "16"}, Tags: map[string]string{"fovea.device": "cpu"},
		Metrics: map[string][]Point{"val_loss": {{1, 0.5, at}, {2, math.NaN(), at}, {3, 0.25, at}}, "none": {{1, math.NaN(), at}}}}
	for range 2 { // the second time in the place of the first
		if err := Write(dir, "runs", []Run{r}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "*", "meta.yaml"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	home := filepath.Dir(found[0])
	for name, want := range map[string]string{
		"meta.yaml":             "artifact_uri: \"file:///runs/a%20b\"\nend_time: 1700000060000\n",
		"../meta.yaml":          "artifact_location: \"file://",
		"params/training.batch": "16",
		"tags/fovea.device":     "cpu",
		"metrics/val_loss":      "1700000000000 0.5 1\n1700000000000 0.25 3\n",
	} {
		got, err := os.ReadFile(filepath.Join(home, name))
		if err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	meta, _ := os.ReadFile(found[0])
	if !strings.Contains(string(meta), `run_name: "a: \"b\"\n\u03ba"`) || !strings.Contains(string(meta), "status: 3\n") {
		t.Errorf("%s", meta)
	}
	if _, err := os.Stat(filepath.Join(home, "metrics", "none")); err == nil {
		t.Error("a metric without a value has a file, which MLflow refuses")
	}
	if _, err := os.Stat(filepath.Join(home, "artifacts")); err != nil {
		t.Error(err)
	}
}
