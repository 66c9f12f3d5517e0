package evaluation

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func writeArchive(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	folder := filepath.Join(dir, "torch", "OCTID")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "metrics_test.csv"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReadArchive(t *testing.T) {
	// RETFound's header and two runs, of which it appended the second.
	dir := writeArchive(t, "\ufeffval_loss,accuracy,f1,roc_auc,hamming,jaccard,precision,recall,average_precision,kappa\r\n"+
		"1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1\r\n0.5,0.8,,0.9,0.08,0.7,0.75,0.76,0.85,nan\r\n")
	got, err := ReadArchive(dir)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if _, known := got[0].metric("kappa"); known {
		t.Error("a kappa of nan is known")
	}
	delete(got[0].Metrics, "kappa") // NaN is not equal to itself
	want := Outcome{Dataset: "OCTID", Framework: "torch", Metrics: map[string]float64{"val_loss": 0.5, "accuracy": 0.8,
		"roc_auc": 0.9, "hamming": 0.08, "jaccard": 0.7, "precision": 0.75, "recall": 0.76, "average_precision": 0.85}}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %v\nwant %v", got[0], want)
	}

	got, err = ReadArchive(writeArchive(t, "epoch, seconds ,kappa\n49,1.5, 0.25 \n"))
	want = Outcome{Dataset: "OCTID", Framework: "torch", Metrics: map[string]float64{"kappa": 0.25}, Duration: 1500 * time.Millisecond}
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
}

func TestReadArchiveErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "the file is empty",
		"accuracy,f1\n":          "there is no row",
		"0.89,0.87\n0.89,0.87\n": `line 1: none of the columns "0.89,0.87" is a metric`, // RETFound's files of 2023
		"seconds\n1\n":           "none of the columns",
		"f1\n0.5\n0,5\n":         "record on line 3: wrong number of fields",
		"f1,kappa\n0.5,x\n":      `line 2, column 2 (kappa): "x" is not a number`,
	} {
		dir := writeArchive(t, text)
		file := filepath.Join(dir, "torch", "OCTID", "metrics_test.csv")
		if _, err := ReadArchive(dir); err == nil || !strings.HasPrefix(err.Error(), file+": ") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
	if _, err := ReadArchive(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no file FRAMEWORK/DATASET/") {
		t.Errorf("empty folder: %v", err)
	}
}

// The archive that ships has the four data sets of the port to PaddlePaddle.
func TestShippedArchive(t *testing.T) {
	got, err := ReadArchive("../configs/archive")
	if err != nil || len(got) != 8 {
		t.Fatalf("%d outcomes, %v", len(got), err)
	}
	for _, o := range got {
		if len(o.Metrics) != 4 || (o.Framework == "paddle") != (o.Duration > 0) {
			t.Errorf("%+v", o)
		}
	}
}

func TestReadMetricRow(t *testing.T) {
	got, err := ReadMetricRow(strings.NewReader("accuracy,kappa,f1,epoch\n0.5,nan,inf,3\n"))
	if want := map[string]float64{"accuracy": 0.5}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}
