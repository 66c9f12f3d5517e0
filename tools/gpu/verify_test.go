package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/tools/cudastub"
)

// TestMain stands for the program, whose sections and workers are processes of the test.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == sectionCommand || os.Args[1] == workerCommand) {
		if err := run(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// verified runs sections and returns their results, by title, and the report.
func verified(t *testing.T, args ...string) (map[string]*result, string) {
	t.Helper()
	out := t.TempDir()
	s, err := parse(append(args, "-out", out, "-data", "../../data/testdata"))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(verify(t.Context(), s)) // the results tell what failed
	text, err := os.ReadFile(filepath.Join(out, "verify.json"))
	if err != nil {
		t.Fatal(err)
	}
	var results []*result
	if err := json.Unmarshal(text, &results); err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile(filepath.Join(out, "verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(out, ".files-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	byTitle := map[string]*result{}
	for _, r := range results {
		byTitle[r.Title] = r
	}
	return byTitle, string(report)
}

// TestDryRun goes through all that needs neither a GPU nor PyTorch.
func TestDryRun(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every section")
	}
	results, report := verified(t, "-provider", "cpu")
	if len(results) != len(sections) {
		t.Errorf("there are %d results", len(results))
	}
	for title, reason := range map[string]string{
		"Placement": "CUDA", "Optimizer": "GPU", "CUDA graphs": "GPU", "Loss curve": "no -python", "Out of memory": "GPU",
		"Two GPUs": "GPUs",
	} {
		if r := results[title]; r.Verdict != skipped || !strings.Contains(r.Reason, reason) {
			t.Errorf("%s: %s, %s", title, r.Verdict, r.Reason)
		}
	}
	for _, title := range []string{
		"Environment", "Gradients", "Resume", "Ctrl-C", "Throughput and memory", "End to end", "Profile",
	} {
		if r := results[title]; r.Verdict != pass || len(r.Tables) == 0 {
			t.Errorf("%s: %s, %s\n%s", title, r.Verdict, r.Reason, r.Log)
		}
	}
	for _, words := range []string{
		"| 3 | Gradients | pass |", "| 6 | Loss curve | skipped: no -python |", "gpu verify -provider cpu", "MatMul",
	} {
		if !strings.Contains(report, words) {
			t.Errorf("the report does not say %q:\n%s", words, report)
		}
	}
}

// TestVerifyOnCUDA takes the paths of a GPU on the stand-ins. Their sessions compute nothing, so that comparisons of
// numbers fail. The rest is real.
func TestVerifyOnCUDA(t *testing.T) {
	t.Setenv("FOVEA_CUDA_STUB_DEVICES", "2")
	cudastub.Run(t, func(t *testing.T) {
		results, _ := verified(t, "-provider", "cuda", "-sizes", "small")
		for _, title := range []string{
			"Environment", "Placement", "Optimizer", "CUDA graphs", "Resume", "Ctrl-C", "Throughput and memory", "End to end", "Profile",
			"Two GPUs",
		} {
			if r := results[title]; r.Verdict != pass {
				t.Errorf("%s: %s, %s\n%s", title, r.Verdict, r.Reason, r.Log)
			}
		}
		if r := results["Gradients"]; r.Verdict != fail {
			t.Errorf("gradients that are all 0 are as good as the CPU's: %s", r.Verdict)
		}
	})
}

// TestCrashOfASection proves that a section that is stopped is a failed one, with its reason.
func TestCrashOfASection(t *testing.T) {
	if testing.Short() {
		t.Skip("runs sections")
	}
	out := t.TempDir()
	s, err := parse([]string{
		"-provider", "cpu", "-out", out, "-data", "../../data/testdata", "-only", "12", "-limit", "1ms"})
	if err != nil {
		t.Fatal(err)
	}
	err = verify(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "12 Profile") {
		t.Errorf("error is %v", err)
	}
	results, err := s.results()
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || results[0].Verdict != fail || !strings.Contains(results[0].Reason, "-limit") {
		t.Errorf("results are %+v", results)
	}
}
