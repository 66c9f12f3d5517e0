// Conformance differentiates test cases of single operators and compares the gradients with finite differences. A case
// may write its operator out in simpler ones. Its gradients are also compared with the operator's own.
//
//	go run ./tools/conformance          prints how many cases of each operator are right
//	go run ./tools/conformance -v       prints every case that is not
//	go run ./tools/conformance -write   writes the score that the test guards
//
// The cases are in testdata, made by tools/oracle/conformance.py: those of the ONNX project (onnx, expanded), older
// ones of it that onnx-go carries, and ones of ONNX Runtime's own operators (contrib). testdata/score.csv lists the
// cases that are not right, with the reason. The test fails when a case is worse than there.
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
	"strings"
	"text/tabwriter"

	"fovea/internal/parallel"
	"fovea/onnx/ort/install"
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
