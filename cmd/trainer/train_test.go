package main

import (
	"bytes"
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/evaluation/report"
)

func TestResumeCommand(t *testing.T) {
	f := trainFlags{files: texts{"a.toml", "b c.toml"}, overrides: texts{"seed=1", "name=it's"}, beside: texts{"old"}}
	want := `trainer -config a.toml -config 'b c.toml' -set seed=1 -set 'name=it'\''s' -beside old -resume`
	if got := f.resumeCommand(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	f = trainFlags{files: texts{"a.toml", "b.toml"}, shard: shardFlag{"2/3"}, resume: true}
	if got, want := f.resumeCommand(), "trainer -config a.toml -config b.toml -resume -shard 2/3"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPrintMetricsShowsAll(t *testing.T) {
	var out bytes.Buffer
	m := evaluation.Metrics{Accuracy: 0.5}
	if err := printMetrics(&out, m, report.Measures{}); err != nil {
		t.Fatal(err)
	}
	for name := range m.All() {
		if !strings.Contains(out.String(), "  "+name+" ") {
			t.Errorf("no %s", name)
		}
	}
}
