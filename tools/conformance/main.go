// Conformance differentiates test cases of single operators and compares the
// gradients with finite differences; those of a case that writes its operator out in
// simpler ones also with the operator's own.
//
//	go run ./tools/conformance          prints how many cases of each operator are right
//	go run ./tools/conformance -v       prints every case that is not
//	go run ./tools/conformance -write   writes the score that the test guards
//
// The cases are in testdata, made by tools/oracle/conformance.py: those of the ONNX
// project (onnx, expanded), older ones of it that onnx-go carries, and ones of ONNX
// Runtime's own operators (contrib). testdata/score.csv lists those that are not right, with the reason; the test
// fails when a case is worse than there.
package main

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
	"path/filepath"
	"slices"
	"text/tabwriter"

	"fovea/onnx/ort"
)

func main() {
	dir := flag.String("dir", "tools/conformance/testdata", "folder of the cases and the score")
	verbose := flag.Bool("v", false, "print every case that is not right")
	write := flag.Bool("write", false, "write the score")
	flag.Parse()
	if err := run(*dir, *verbose, *write); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(dir string, verbose, write bool) error {
	scores, err := checkAll(dir, corpora)
	if err != nil {
		return err
	}
	table(os.Stdout, scores)
	if verbose {
		for _, s := range scores {
			if s.status != ok {
				fmt.Printf("%s\t%s\t%s\n", s.name, s.status, s.reason)
			}
		}
	}
	if write {
		return writeScores(filepath.Join(dir, "score.csv"), scores)
	}
	return nil
}

// A score is what became of a case.
type score struct {
	corpus, name, op string
	status           status
	reason           string
}

// checkAll checks the cases of corpora in a folder.
func checkAll(dir string, corpora []string) ([]score, error) {
	if _, err := ort.Load(context.Background(), ort.Source{}); err != nil {
		return nil, err
	}
	cases, err := readAll(dir, corpora)
	if err != nil {
		return nil, err
	}
	var scores []score
	known := map[string]derived{}
	for _, c := range cases {
		s := score{corpus: c.corpus, name: c.name, op: c.op}
		s.status, s.reason = check(c, known)
		scores = append(scores, s)
	}
	return scores, nil
}

// table prints the number of cases by operator and status.
func table(w io.Writer, scores []score) {
	counts := map[string]*[6]int{}
	var all [6]int
	for _, s := range scores {
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
	right := 0
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		line(op, *counts[op])
		if counts[op][ok] > 0 {
			right++
		}
	}
	line(fmt.Sprintf("%d cases, %d operators of %d", len(scores), right, len(counts)), all)
	t.Flush()
}

// writeScores lists the cases that are not right.
func writeScores(path string, scores []score) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	err = w.Write([]string{"case", "status", "reason"})
	for _, s := range scores {
		if s.status != ok {
			err = cmp.Or(err, w.Write([]string{s.name, s.status.String(), s.reason}))
		}
	}
	w.Flush()
	return errors.Join(err, w.Error(), f.Close())
}

// readScores reads the committed status of each case that is not right.
func readScores(path string) (map[string]status, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := map[string]status{}
	for _, row := range rows[1:] {
		i := slices.Index(statuses, row[1])
		if i < 0 || row[2] == "" {
			return nil, fmt.Errorf("%s: case %s has status %q and reason %q", path, row[0], row[1], row[2])
		}
		out[row[0]] = status(i)
	}
	return out, nil
}
