package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// archive makes FRAMEWORK/DATASET/metrics_test.csv files.
func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		folder := filepath.Join(dir, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "metrics_test.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestSeveralRuns: one of three runs fails, the others end, and the table shows all of them beside what another
// framework reached.
func TestSeveralRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	runs, data := t.TempDir(), fundus(t)
	set := filepath.Join(t.TempDir(), "Fundus")
	if err := os.Symlink(data, set); err != nil {
		t.Fatal(err)
	}
	first := smallConfig(t, set, runs, 1)
	missing := writeConfig(t,
		"name = \"missing\"\n[data]\ndir = \"nowhere\"\n[output]\ndir = \""+filepath.ToSlash(runs)+"\"\n")
	named := writeConfig(t, strings.Replace(string(read(t, smallConfig(t, data, runs, 1))), `"small"`, `"octid"`, 1))
	beside := archive(t, map[string]string{
		"torch/FUNDUS": "accuracy,kappa\n0.25,0.125\n",
		"torch/OCTID":  "roc_auc,seconds\n0.75,90\n",
		"torch/Other":  "accuracy\n1\n",
	})
	args := []string{"-config", first, "-config", missing, "-config", named, "-beside", beside}
	code, stdout, stderr := trainer(t, args...)
	if code != exitFailed || !strings.Contains(stderr, "1 of 3 runs failed:\nmissing: no folder nowhere") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	if want := "data_sets=nowhere it_has=\"FUNDUS, OCTID, Other\""; !strings.Contains(stderr, want) {
		t.Errorf("no %s in:\n%s", want, stderr)
	}
	records, err := csv.NewReader(strings.NewReader(string(read(t, runs, "comparison.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(row int, name string) string { return records[row][slices.Index(records[0], name)] }
	var rows []string
	for i := range records[1:] {
		rows = append(rows, column(i+1, "framework")+" "+column(i+1, "run"))
	}
	if got, want := strings.Join(rows, ", "), "fovea small, torch , fovea missing, fovea octid, torch "; got != want {
		t.Errorf("rows are %s, want %s", got, want)
	}
	test, err := csv.NewReader(strings.NewReader(string(read(t, runs, "small", "metrics_test.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range test[0] {
		if got := column(1, name); got != test[1][i] {
			t.Errorf("%s is %s, in metrics_test.csv %s", name, got, test[1][i])
		}
	}
	for _, cell := range []struct {
		row        int
		name, want string
	}{
		{1, "best_epoch", "1"}, {1, "failure", ""}, {2, "kappa", "0.125"}, {2, "f1", ""},
		{3, "accuracy", ""}, {3, "seconds", ""}, {5, "seconds", "90.0"},
	} {
		if got := column(cell.row, cell.name); got != cell.want {
			t.Errorf("row %d: %s is %q, want %q", cell.row, cell.name, got, cell.want)
		}
	}
	if column(1, "seconds") == "" || !strings.HasPrefix(column(3, "failure"), "no folder nowhere") {
		t.Errorf("rows are %q", records)
	}
	markdown := string(read(t, runs, "comparison.md"))
	for _, want := range []string{"| Fundus | fovea | small | 1 | 0.",
		"| FUNDUS | torch |  |  | 0.2500 |  |  | 0.1250 |  |  |\n",
		"| nowhere | fovea | missing |  |  |  |  |  |  | failed |\n", "\nmissing failed: no folder nowhere"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("comparison.md has no %q:\n%s", want, markdown)
		}
	}
	if !strings.Contains(stdout, "data set  framework") || !strings.Contains(stdout, "comparison.md") {
		t.Errorf("standard output is\n%s", stdout)
	}

	// Finished runs are only reported, but compared again, here with what ships.
	code, stdout, stderr = trainer(t, "-config", named, "-beside", "../../configs/archive", "-resume")
	if code != exitDone || !strings.Contains(stdout, "4m51s") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	if got := string(read(t, runs, "comparison.md")); strings.Count(got, "| OCTID |") != 2 ||
		!strings.Contains(got, "| 0.8966 |") {
		t.Errorf("comparison.md is\n%s", got)
	}
}

func TestBesideIsReadBeforeTraining(t *testing.T) {
	config := writeConfig(t, "[data]\ndir = \"nowhere\"\n")
	for files, want := range map[string]string{
		"":                 "there is no file FRAMEWORK/DATASET/metrics_test.csv in",
		"accuracy\nhigh\n": `metrics_test.csv: line 2, column 1 (accuracy): "high" is not a number`,
	} {
		dir := t.TempDir()
		if files != "" {
			dir = archive(t, map[string]string{"torch/octid": files})
		}
		code, _, stderr := trainer(t, "-config", config, "-beside", dir)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, want %q:\n%s", code, want, stderr)
		}
	}
}

// TestShardedRuns: the tasks of an array take every second config each, and write no table.
func TestShardedRuns(t *testing.T) {
	runs := t.TempDir()
	var args []string
	for _, name := range []string{"a", "b", "c"} {
		args = append(args, "-config", writeConfig(t, fmt.Sprintf("name = %q\n[data]\ndir = \"nowhere\"\n[output]\ndir = %q\n",
			name, runs)))
	}
	tried := regexp.MustCompile(`(?m)^error: (\w): no folder nowhere|^error: no folder (nowhere)`)
	for task, want := range []string{"2 of 2 runs failed:\na: no folder nowhere: check the path (file does not exist)\nc: ",
		"error: no folder nowhere"} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append(args, "-shard", "auto"), []string{fmt.Sprint("SLURM_ARRAY_TASK_ID=", task),
			"SLURM_ARRAY_TASK_MIN=0", "SLURM_ARRAY_TASK_MAX=1", "SLURM_ARRAY_TASK_COUNT=2"}, &stdout, &stderr)
		if code != exitFailed || !strings.Contains(stderr.String(), want) ||
			len(tried.FindAllString(stderr.String(), -1)) != 2-task {
			t.Errorf("task %d: exit code %d, want %s:\n%s", task, code, want, &stderr)
		}
	}
	done(t, append(args, "-shard", "4/4")...) // has no config
	if _, err := os.Stat(filepath.Join(runs, "comparison.csv")); err == nil {
		t.Error("a shard has written the table")
	}
	for arguments, want := range map[string]string{
		"-shard 3/2":                 "-shard: 3/2: the first number must lie between 1 and the second",
		"-shard auto":                "-shard: auto: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set",
		"-shard 1/2 -beside " + runs: "-beside adds to the table, which -shard does not write",
	} {
		code, _, stderr := trainer(t, append(args, strings.Fields(arguments)...)...)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %q:\n%s", arguments, code, want, stderr)
		}
	}
}
