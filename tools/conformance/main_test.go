package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"testing"

	"fovea/graphs/autodiff"
	"fovea/internal/graphtest"
)

// TestScore fails when a case is worse than testdata/score.csv says, and when it is better, so that it stays so.
func TestScore(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every case")
	}
	committed, err := readScores("testdata/score.csv")
	if err != nil {
		t.Fatal(err)
	}
	scores, err := checkAll("testdata", corpora)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scores {
		switch want := committed[s.key]; {
		case s.status == other:
			t.Logf("%s is not judged: %s", s.name, s.reason)
		case s.status > want:
			t.Errorf("%s is %s, it was %s: %s", s.name, s.status, want, s.reason)
		case s.status < want:
			t.Errorf("%s is %s, better than %s: write the score anew with go run ./tools/conformance -write",
				s.name, s.status, want)
		}
		delete(committed, s.key)
	}
	for k := range committed {
		t.Errorf("%s of %s is in the score, but there is no such case", k.name, k.corpus)
	}
}

// TestWrongGradients makes gradients wrong by one part in a hundred, and expects that each is found. Exceptions are
// gradients that are 0, or nearly so, like those of a saturated tanh.
func TestWrongGradients(t *testing.T) {
	if testing.Short() {
		t.Skip("runs many cases")
	}
	defer func() { reverse = autodiff.Backward }()
	reverse = graphtest.WrongBackward
	scores, err := checkAll("testdata", []string{"onnx", "contrib"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scores {
		if s.status == ok && !s.flat() && s.op != "RNN" {
			t.Errorf("%s is %s with a wrong gradient", s.name, s.status)
		}
	}
}

// readScores reads the committed status of each case that is not right.
func readScores(path string) (map[key]status, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := map[key]status{}
	for _, row := range rows[1:] {
		i := slices.Index(statuses, row[2])
		if i < 0 || row[3] == "" {
			return nil, fmt.Errorf("%s: case %s has status %q and reason %q", path, row[1], row[2], row[3])
		}
		out[key{row[0], row[1]}] = status(i)
	}
	return out, nil
}
