package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	tableA = "path,label,no,yes\n1,no,0.9,0.1\n2,no,0.6,0.4\n3,yes,0.2,0.8\n4,yes,0.4,0.6\n5,yes,0.7,0.3\n"
	tableB = "path,label,yes,no\n5,yes,0.6,0.4\n1,no,0.3,0.7\n2,no,0.6,0.4\n3,yes,0.9,0.1\n4,yes,0.8,0.2\n"
)

func writeText(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompare(t *testing.T) {
	dir, run := t.TempDir(), t.TempDir()
	a := writeText(t, dir, "a.csv", tableA)
	writeText(t, run, "predictions_test.csv", tableB)
	published := "../../configs/archive/paddle/OCTID"

	code, stdout, stderr := trainer(t, "compare", a, run, published, "-rounds", "50")
	if code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	// How wide the columns are depends on the names of the temporary folders.
	plain := stdout
	for strings.Contains(plain, "  ") {
		plain = strings.ReplaceAll(plain, "  ", " ")
	}
	for _, want := range []string{" 0.8000 [", "0.8966 *", published + " is a published row", "on the same 5 images",
		"DeLong's test, AUC of", "McNemar's test: 1 images right in " + a + " alone, 1 in " + run +
			" alone; exact p = 1, chi-square p = 1\n"} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}

	_, stdout, _ = trainer(t, "compare", a, run, "-rounds", "50", "-json")
	var got struct {
		Contenders []struct{ Name string }
		Paired     []struct {
			A, B   string
			DeLong []struct{ A, B float64 }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.Contenders) != 2 || len(got.Paired) != 1 ||
		got.Paired[0].B != run || got.Paired[0].DeLong[0].B != 5.5/6 {
		t.Errorf("%+v, %v:\n%s", got, err, stdout)
	}

	_, stdout, _ = trainer(t, "compare", a, published, "-rounds", "50", "-csv")
	records, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || !slices.ContainsFunc(records, func(r []string) bool {
		return slices.Equal(r, []string{"published", "kappa", published, "", "0.8638", "", "", "", ""})
	}) {
		t.Errorf("%v:\n%s", err, stdout)
	}

	other := writeText(t, dir, "other.csv", strings.Replace(tableB, "5,yes", "6,yes", 1))
	code, _, stderr = trainer(t, "compare", a, other)
	want := `the images differ: 1 missing in B ("5"); 1 missing in A ("6"); both tables must have`
	if code != exitFailed || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, want %s:\n%s", code, want, stderr)
	}
}

func TestCompareSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	a := writeText(t, dir, "a.csv", tableA)
	for want, b := range map[string]string{
		"nor of metrics (such as accuracy, f1, roc_auc or kap": writeText(t, dir, "1", "path;grade;no;yes\n"),
		"neither of predictions (path, label and one a class)": writeText(t, dir, "2", "0.89,0.87,0.5\n"),
		"neither predictions_test.csv nor metrics_test.csv":    t.TempDir(),
		"B has images without a path":                          writeText(t, dir, "3", "label,no,yes\nno,0.5,0.5\n"),
		`1 labelled differently ("5: yes in A, no in B")`: writeText(t, dir, "4",
			strings.Replace(tableA, "5,yes", "5,no", 1)),
		`2 missing in B ("no", "yes"); 2 missing in A ("n", "y`: writeText(t, dir, "5", "path,label,n,y\n1,n,1,0\n"),
		"line 1: 0 classes, but":                                writeText(t, dir, "6", "path,label\n1,yes\n"),
	} {
		code, _, stderr := trainer(t, "compare", a, b)
		if code != exitFailed || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, want %s:\n%s", code, want, stderr)
		}
	}
	quoted := writeText(t, dir, "quoted.csv", "\ufeff\"accuracy\",\"f1\"\r\n0.75,0.5\r\n")
	quoted2 := writeText(t, dir, "class.csv", strings.ReplaceAll(tableA, "yes", "accuracy"))
	if code, stdout, stderr := trainer(t, "compare", quoted, quoted2, "-rounds", "20"); code != exitDone ||
		!strings.Contains(stdout, "0.7500") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}

func TestEvalPredictions(t *testing.T) {
	dir := t.TempDir()
	file := writeText(t, dir, "theirs.csv", "image,logit_no,logit_yes\n1,3,1\n2,2,1\n3,0,4\n")
	labels := writeText(t, dir, "truth.csv", "path,label\n3,yes\n2,no\n1,no\n")
	code, stdout, stderr := trainer(t, "eval", "-predictions", file, "-labels", labels, "-logits", "-rounds", "20",
		"-split", "val")
	if code != exitDone || !strings.Contains(stdout, `the positive class is "yes"`) {
		t.Fatalf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	out := filepath.Join(dir, "eval")
	if got := string(read(t, out, "predictions_val.csv")); !strings.HasPrefix(got,
		"path,label,predicted,no,yes\n1,no,no,0.88079707797788") {
		t.Errorf("predictions_val.csv is\n%s", got)
	}
	for _, name := range []string{"metrics_val.csv", "metrics_val.json", "confusion_matrix_val.png", "figures/roc.svg",
		"figures/reliability.png"} {
		read(t, out, name)
	}
	page := string(read(t, out, "report.html"))
	for _, part := range []string{"3 images of the split “val”", "too few images to rely on",
		"trainer eval -predictions " + filepath.Base(file), "20 rounds"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
	if strings.Contains(page, "The exact config") || strings.Contains(page, "epochs") {
		t.Error("the page speaks of a run")
	}
	code, _, stderr = trainer(t, "eval", "-predictions", file, "-labels", labels)
	if code != exitFailed || !strings.Contains(stderr,
		`line 2 (1): 3 of class "no" is not a probability: if these are logits, say so (-logits)`) {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}

func TestComparisonUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"expected at least two results":         {"compare", "a.csv"},
		"-json and -csv are two formats":        {"compare", "a", "b", "-json", "-csv"},
		"-rounds 3: must be at least 20":        {"compare", "a", "b", "-rounds", "3"},
		"-level 95: must lie between 0 and 1":   {"eval", "-predictions", "a", "-level", "95"},
		"not with -predictions: -model":         {"eval", "-predictions", "a", "-model", "m"},
		"-rounds 2: must be at least 20":        {"eval", "-model", "m", "-data", "d", "-rounds", "2"},
		"only with -predictions: -logits":       {"eval", "-model", "m", "-data", "d", "-logits"},
		"-normalise is for probabilities":       {"eval", "-predictions", "a", "-logits", "-normalise"},
		"-split ../x: must be a name for files": {"eval", "-predictions", "a", "-split", "../x"},
		"missing -model, -data":                 {"eval"},
	} {
		if code, _, stderr := trainer(t, args...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, want %s:\n%s", args, code, want, stderr)
		}
	}
}

// TestCompareLargeFile: a file without an end is refused for its first row, and only that is read.
func TestCompareLargeFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "zeros.csv"))
	if err == nil {
		err = errors.Join(file.Truncate(1<<40), file.Close()) // a hole
	}
	if err != nil {
		t.Skip(err)
	}
	fails(t, "a row has more than", "compare", file.Name(), file.Name())
}
