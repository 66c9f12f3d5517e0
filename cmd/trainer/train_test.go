package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/cmd/trainer/internal/training"
	"fovea/evaluation"
	"fovea/training/config"
)

func TestHowToGoOn(t *testing.T) {
	c := &config.Config{Name: "a", Output: config.Output{Dir: t.TempDir()}}
	files, overrides := []string{"a.toml", "b c.toml"}, []string{"seed=1", "name=it's"}
	got := howToGoOn(c, files, overrides)
	want := "no checkpoint was due yet; start again with:\n" +
		"  trainer -config a.toml -set seed=1 -set 'name=it'\\''s'\n" +
		"not started:\n  trainer -config 'b c.toml' -set seed=1 -set 'name=it'\\''s'"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := os.MkdirAll(filepath.Join(c.Output.Dir, "a", "checkpoints", "last"), 0o755); err != nil {
		t.Fatal(err)
	}
	got = howToGoOn(c, files[:1], nil)
	if want := "resume with:\n  trainer -config a.toml -resume"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPrintComparison(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out}
	a.printComparison([]trained{
		{"retinamnist", &training.Result{BestEpoch: 42, Test: evaluation.Metrics{
			Accuracy: 0.5, F1: 0.25, ROCAUC: 0.75, Kappa: 0.125, QuadraticKappa: 0.0625}}, 83400 * time.Millisecond},
		{"octid", nil, time.Second},
	})
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		lines = append(lines, strings.Join(strings.Fields(l), " "))
	}
	want := []string{
		"name best epoch accuracy f1 roc_auc kappa quadratic_kappa time",
		"retinamnist 42 0.5000 0.2500 0.7500 0.1250 0.0625 1m23s",
		"octid failed 1s",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestPrintMetricsShowsAll(t *testing.T) {
	var out bytes.Buffer
	m := evaluation.Metrics{Accuracy: 0.5}
	printMetrics(&out, m)
	for name := range m.All() {
		if !strings.Contains(out.String(), "  "+name+" ") {
			t.Errorf("no %s", name)
		}
	}
}
