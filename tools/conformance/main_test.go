package main

import (
	"testing"
)

// TestScore fails when a case is worse than testdata/score.csv says, and when
// it is better, so that it stays so.
func TestScore(t *testing.T) {
	committed, err := readScores("testdata/score.csv")
	if err != nil {
		t.Fatal(err)
	}
	scores, err := checkAll("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scores {
		switch want := committed[s.name]; {
		case s.status == other:
			t.Logf("%s is not judged: %s", s.name, s.reason)
		case s.status > want:
			t.Errorf("%s is %s, it was %s: %s", s.name, s.status, want, s.reason)
		case s.status < want:
			t.Errorf("%s is %s, better than %s: write the score anew with go run ./tools/conformance -write", s.name, s.status, want)
		}
		delete(committed, s.name)
	}
	for name := range committed {
		t.Errorf("%s is in the score, but there is no such case", name)
	}
}
