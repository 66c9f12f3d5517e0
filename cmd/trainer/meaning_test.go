package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	alphabetical = "path,label,prob_glaucoma,prob_healthy\n1,glaucoma,0.9,0.1\n2,glaucoma,0.4,0.6\n3,healthy,0.2,0.8\n" +
		"4,healthy,0.3,0.7\n5,healthy,0.6,0.4\n6,healthy,0.1,0.9\n"
	unknownMeaning = "path,label,prob_amd,prob_glaucoma\n1,amd,0.9,0.1\n2,glaucoma,0.4,0.6\n3,amd,0.8,0.2\n"
)

// TestPositiveClassOfNames: of six images one of two with glaucoma is found, and three of four healthy ones are ruled
// out.
func TestPositiveClassOfNames(t *testing.T) {
	dir := t.TempDir()
	table := writeText(t, dir, "theirs.csv", alphabetical)
	out := filepath.Join(dir, "out")
	for _, x := range []struct {
		flags        []string
		positive     string
		log          string
		found, ruled float64
	}{
		{nil, "glaucoma", `The positive class is \"glaucoma\" by the names`, 0.5, 0.75},
		{[]string{"-positive", "healthy"}, "healthy", `The positive class is \"healthy\", as stated`, 0.75, 0.5},
	} {
		args := append([]string{"eval", "-predictions", table, "-out", out, "-rounds", "20"}, x.flags...)
		code, stdout, stderr := trainer(t, args...)
		if code != exitDone || !strings.Contains(stderr, x.log) ||
			!strings.Contains(stdout, `the positive class is "`+x.positive+`"`) || strings.Contains(stdout, "quadratic_kappa") {
			t.Errorf("%v: exit code %d\n%s\n%s", x.flags, code, stderr, stdout)
		}
		var got struct {
			Positive string
			Measures []struct {
				Name, Rule string
				Value      float64
			}
		}
		content, err := os.ReadFile(filepath.Join(out, "metrics_test.json"))
		if err == nil {
			err = json.Unmarshal(content, &got)
		}
		if err != nil || got.Positive != x.positive {
			t.Fatalf("%v: %v, %q", x.flags, err, got.Positive)
		}
		for _, m := range got.Measures {
			want, ok := map[string]float64{"recall_positive": x.found, "specificity_positive": x.ruled}[m.Name]
			if ok && (m.Value != want || m.Rule != "argmax") {
				t.Errorf("%v: %+v, want %v", x.flags, m, want)
			}
		}
	}
	// What was said the last time stands in the files beside the table of the program's own.
	_, _, stderr := trainer(t, "eval", "-predictions", filepath.Join(out, "predictions_test.csv"), "-out", out)
	if !strings.Contains(stderr, `The positive class is \"healthy\", as `) {
		t.Error(stderr)
	}
	// The second of two results has the classes of the first.
	_, stdout, _ := trainer(t, "compare", table, filepath.Join(out, "predictions_test.csv"), "-rounds", "20", "-csv")
	for _, line := range []string{"value,recall_positive," + table + ",,0.5,",
		"value,recall_positive," + filepath.Join(out, "predictions_test.csv") + ",,0.5,"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("no %q in\n%s", line, stdout)
		}
	}
}

func TestUnknownMeaningIsSaid(t *testing.T) {
	dir := t.TempDir()
	table := writeText(t, dir, "theirs.csv", unknownMeaning)
	_, _, stderr := trainer(t, "eval", "-predictions", table, "-rounds", "20")
	if !strings.Contains(stderr, "do not tell which class is positive") || !strings.Contains(stderr, "-positive") {
		t.Error(stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "eval", "report.html"))
	if err != nil || !strings.Contains(string(page), "do not tell which class is positive") {
		t.Errorf("the page does not say it: %v", err)
	}
	for _, x := range [][]string{{"-positive", "cataract"}, {"-ordered", "amd,cataract"}, {"-ordered", "perhaps"}} {
		code, _, stderr := trainer(t, append([]string{"eval", "-predictions", table}, x...)...)
		if code == exitDone || !strings.Contains(stderr, x[1][:3]) {
			t.Errorf("%v: exit code %d, %s", x, code, stderr)
		}
	}
}
