package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fovea/evaluation"
	"fovea/training"
)

func TestResumeCommand(t *testing.T) {
	got := resumeCommand([]string{"a.toml", "b c.toml"}, []string{"seed=1", "name=it's"})
	want := `trainer -config a.toml -config 'b c.toml' -set seed=1 -set 'name=it'\''s' -resume`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPrintComparison(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out}
	a.printComparison([]*training.Result{
		{Name: "retinamnist", BestEpoch: 41, Duration: 83400 * time.Millisecond, Test: evaluation.Metrics{
			Accuracy: 0.5, F1: 0.25, ROCAUC: 0.75, Kappa: 0.125, QuadraticKappa: 0.0625}},
		{Name: "octid", Duration: time.Second},
	})
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		lines = append(lines, strings.Join(strings.Fields(l), " "))
	}
	want := []string{
		"name best epoch accuracy f1 roc_auc kappa quadratic_kappa time",
		"retinamnist 42 0.5000 0.2500 0.7500 0.1250 0.0625 1m23s",
		"octid 1 0.0000 0.0000 0.0000 0.0000 0.0000 1s",
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
