package training_test

import (
	"os"
	"path/filepath"
	"testing"

	"fovea/inference"
	"fovea/training"
	"fovea/training/config"
)

// cached is a config with a cache of images that are smaller than the files.
func cached(t *testing.T, dir, cache string) *config.Config {
	t.Helper()
	c := small(t, dir)
	c.Data.Cache, c.Data.CacheSide = cache, 20
	return c
}

// TestCache: a run is the same with a cold cache, a warm one, and when it goes on with another folder; and its model is
// evaluated without a cache to the same digits.
func TestCache(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	dir, cache := fundus(t), filepath.Join(t.TempDir(), "cache")
	cold := run(t, cached(t, dir, cache), training.Options{})
	if entries, err := os.ReadDir(cache); err != nil || len(entries) == 0 {
		t.Fatalf("nothing is kept: %v", err)
	}
	warm := run(t, cached(t, dir, cache), training.Options{})
	want := outcome(t, cold.Folder)
	same(t, outcome(t, warm.Folder), want)

	c := cached(t, dir, cache)
	stop(t, c)
	c.Data.Cache = filepath.Join(t.TempDir(), "elsewhere")
	same(t, outcome(t, run(t, c, training.Options{Resume: true}).Folder), want)

	m, err := inference.Evaluate(t.Context(), inference.EvalOptions{Model: filepath.Join(cold.Folder, "model.onnx"),
		Data: dir, Split: "test", Out: t.TempDir(), Runtime: c.Runtime.Engine()})
	if err != nil {
		t.Fatal(err)
	}
	if m.Metrics != cold.Test {
		t.Errorf("evaluated %+v, the run's test was %+v", m.Metrics, cold.Test)
	}

	c.Data.Cache = ""
	if _, err := training.Run(t.Context(), c, training.Options{Resume: true}); err == nil {
		t.Error("a run with a cache goes on without")
	}
}
