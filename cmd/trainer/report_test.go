package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReport: a run that has only begun fills what its config says, and says that the rest is missing.
func TestReport(t *testing.T) {
	run := t.TempDir()
	if err := os.WriteFile(filepath.Join(run, "config.toml"), []byte("[data]\ndir = \"mine\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"-run", run}, "missing -checklist"},
		{[]string{"-checklist", "claim"}, "missing -run"},
		{[]string{"-run", run, "-checklist", "tripod"}, "tripod-ai"},
		{[]string{"-run", run, "-checklist", "claim", "-format", "html"}, "must be md or csv"},
	} {
		code, _, stderr := trainer(t, append([]string{"report"}, test.args...)...)
		if code != exitUsage || !strings.Contains(stderr, test.says) {
			t.Errorf("%q: exit code %d: %s", test.args, code, stderr)
		}
	}
	code, _, stderr := trainer(t, "report", "-run", filepath.Join(run, "none"), "-checklist", "claim")
	if code != exitFailed || !strings.Contains(stderr, "holds no run: there is no config.toml") {
		t.Errorf("exit code %d: %s", code, stderr)
	}

	out := filepath.Join(t.TempDir(), "claim.md")
	code, stdout, stderr := trainer(t, "report", "-run", run, "-checklist", "claim", "-out", out)
	if code != exitDone || stdout != "" || !strings.Contains(stderr, "filled from the run: ") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	page, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| 7 | Sources of the data | The images of the folder mine; the folder that an image lies in is its class.",
		"| 37 | Performance and its uncertainty | **Not in the run:** The test: the run has not ended. |",
		"| 44 | Funding, and the part of the funders | **For the author:** Name them. |  |",
	} {
		if !strings.Contains(string(page), line) {
			t.Errorf("the page lacks %q:\n%s", line, page)
		}
	}
	code, stdout, stderr = trainer(t, "report", "-run", run, "-checklist", "stard", "-format", "csv")
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if code != exitDone || err != nil || len(rows) != 1+34 || rows[1][3] != "author" {
		t.Errorf("exit code %d, %d rows, %v: %s", code, len(rows), err, stderr)
	}
}
