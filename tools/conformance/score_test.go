package conformance

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"fovea/graphs/autodiff"
	"fovea/internal/graphtest"
	"fovea/internal/parallel"
	"fovea/onnx/ort/install"
)

var write = flag.Bool("write", false, "write the score")

// A score tells how a case ended.
type score struct {
	key
	op     string
	status status
	reason string
	derived
}

// flat reports whether a case is right and its gradients are 0.
func (s score) flat() bool { return s.status == ok && !s.depends() }

// checkAll checks the cases of corpora in a folder.
func checkAll(dir string, corpora []string) ([]score, error) {
	if _, err := install.Load(context.Background(), install.Source{}); err != nil {
		return nil, err
	}
	var scores []score
	known := map[key]derived{}
	for _, corpus := range corpora {
		cases, err := readCases(dir, corpus)
		if err != nil {
			return nil, err
		}
		some := make([]score, len(cases))
		parallel.Each(0, len(cases), func(i int) {
			s := &subject{testCase: cases[i]}
			status, reason := s.check(known)
			some[i] = score{s.key(), s.op, status, reason, s.derived}
		})
		for _, s := range some {
			if s.status == ok {
				known[s.key] = s.derived
			}
		}
		scores = append(scores, some...)
	}
	return scores, nil
}

// table prints the number of cases by operator and status, and their sums. It does not count an operator whose cases
// all write it out in others.
func table(w io.Writer, scores []score) {
	counts := map[string]*[6]int{}
	var all [6]int
	right, sloped := map[key]bool{}, map[string]bool{}
	byItself, operators := map[string]bool{}, map[string]bool{}
	agree := 0
	for _, s := range scores {
		right[s.key] = s.status == ok
		sloped[s.op] = sloped[s.op] || s.status == ok && !s.flat()
		if s.corpus != "expanded" {
			byItself[s.op] = true
			if s.status == ok {
				operators[s.op] = true
			}
		}
		if own := s.key.direct(); own != s.key && right[own] && right[s.key] {
			agree++
		}
		if counts[s.op] == nil {
			counts[s.op] = &[6]int{}
		}
		counts[s.op][s.status]++
		all[s.status]++
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name string, n [6]int) {
		fmt.Fprintf(t, "%s\t", name)
		for _, count := range n {
			fmt.Fprintf(t, "%d\t", count)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprint(t, "operator\t")
	for _, s := range statuses {
		fmt.Fprintf(t, "%s\t", s)
	}
	fmt.Fprintln(t)
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		line(op, *counts[op])
	}
	line(fmt.Sprintf("%d cases, %d operators of %d", len(scores), len(operators), len(byItself)), all)
	t.Flush()
	maps.DeleteFunc(counts, func(op string, n *[6]int) bool { return sloped[op] || n[ok] == 0 })
	fmt.Fprintf(w, "%d cases written out in simpler operators agree with their operator's own.\n", agree)
	fmt.Fprintf(w, "The gradients of %s are 0 everywhere.\n", strings.Join(slices.Sorted(maps.Keys(counts)), ", "))
}

// writeScores lists the cases that are not right.
func writeScores(path string, scores []score) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	err = w.Write([]string{"corpus", "case", "status", "reason"})
	for _, s := range scores {
		if s.status != ok {
			err = cmp.Or(err, w.Write([]string{s.corpus, s.name, s.status.String(), s.reason}))
		}
	}
	w.Flush()
	return errors.Join(err, w.Error(), f.Close())
}

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
	var text strings.Builder
	table(&text, scores)
	for _, s := range scores {
		if s.status != ok {
			fmt.Fprintf(&text, "%s\t%s\t%s\n", s.name, s.status, s.reason)
		}
	}
	t.Log(text.String())
	if *write {
		if err := writeScores("testdata/score.csv", scores); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, s := range scores {
		switch want := committed[s.key]; {
		case s.status == other: // not judged
		case s.status > want:
			t.Errorf("%s is %s, it was %s: %s", s.name, s.status, want, s.reason)
		case s.status < want:
			t.Errorf("%s is %s, better than %s: write the score anew with -write",
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
