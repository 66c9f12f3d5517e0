package evaluation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fovea/internal/naming"
	"fovea/internal/table"
)

// Difference is B's measure less A's, with the interval of a bootstrap that draws the same images for both.
type Difference struct {
	Name       string `json:"name"`
	A          Number `json:"a"`
	B          Number `json:"b"`
	Difference Number `json:"difference"`
	Low        Number `json:"low"`
	High       Number `json:"high"`
	Rule       string `json:"rule,omitempty"` // as of an [Estimate]
}

// Excludes0 reports whether the whole interval lies on one side of 0.
func (d Difference) Excludes0() bool { return d.Low > 0 || d.High < 0 }

// Paired is the comparison of two classifiers on the same images. Nothing in it is corrected for how many measures or
// classifiers are compared.
type Paired struct {
	Rows     int             `json:"rows"`
	Patients int             `json:"patients,omitempty"` // by which everything is drawn and tested; 0: by image
	Rounds   int             `json:"bootstrap_rounds"`
	Level    float64         `json:"level"`
	Seed     uint64          `json:"seed"`
	McNemar  McNemar         `json:"mcnemar"`
	DeLong   []AUCDifference `json:"delong"` // a class; of two classes the positive one alone
	Measures []Difference    `json:"measures"`
}

// ComparePaired compares b with a. Rows are matched by path and classes by name. Both must have the same images with
// the same labels: the error counts and names what is missing, there twice or labelled otherwise. What is known of
// images, such as the patient, is taken from a.
func ComparePaired(ctx context.Context, a, b *Predictions, o Intervals) (*Paired, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := a.Check(); err != nil {
		return nil, fmt.Errorf("predictions A: %w", err)
	}
	if err := b.Check(); err != nil {
		return nil, fmt.Errorf("predictions B: %w", err)
	}
	if b, err = Align(a, b); err != nil {
		return nil, err
	}
	both := []*sample{newSample(a), newSample(b)}
	both[0].pool(a)
	both[1].pool(b)
	_, ofA := both[0].whole()
	_, ofB := both[1].whole()
	names := measureNames(len(a.Classes))
	all := newReplicates(len(names), o.Rounds)
	d := both[0].drawing()
	err = bootstrap(ctx, d, []part{{sample: both[0]}, {sample: both[1]}}, o, func(round int, m [][]float64) {
		for k := range names {
			all[k][round] = m[1][k] - m[0][k]
		}
	})
	if err != nil {
		return nil, err
	}
	drawn := d.level(o.Level)
	p := &Paired{Rows: len(a.Rows), Rounds: o.Rounds, Level: o.Level, Seed: o.Seed}
	for k, name := range names {
		difference := ofB[k] - ofA[k]
		low, high := all.interval(k, difference, drawn)
		if name == "ece" {
			low, high = all.basicInterval(k, difference, drawn)
		}
		p.Measures = append(p.Measures, Difference{Name: name, A: Number(ofA[k]), B: Number(ofB[k]),
			Difference: Number(difference), Low: Number(low), High: Number(high), Rule: ruleOfBoth(name)})
	}
	for c, name := range a.Classes {
		if len(a.Classes) == 2 && c != positiveClass {
			continue
		}
		p.DeLong = append(p.DeLong, aucDifference(name, both[0].placements(c), both[1].placements(c), o.Level))
	}
	p.McNemar = newMcNemar(both[0], both[1])
	if both[0].patients.several() {
		p.Patients = len(both[0].patients.rows)
	}
	return p, nil
}

// newMcNemar tests two samples of the same rows.
func newMcNemar(a, b *sample) McNemar {
	var onlyA, onlyB int
	var gaps []int
	if a.patients.several() {
		gaps = make([]int, len(a.patients.rows))
	}
	for i := range a.truth {
		gap := 0
		switch rightA, rightB := a.right(i), b.right(i); {
		case rightA && !rightB:
			onlyA++
			gap = -1
		case rightB && !rightA:
			onlyB++
			gap = 1
		}
		if gaps != nil {
			gaps[a.patients.of[i]] += gap
		}
	}
	if gaps != nil {
		return clusteredMcNemar(gaps, onlyA, onlyB)
	}
	return NewMcNemar(onlyA, onlyB)
}

// Align returns b with the rows and the classes in a's order. Errors are those of [ComparePaired].
func Align(a, b *Predictions) (*Predictions, error) {
	column := naming.Match(a.Classes, b.Classes) // in b, of a's classes
	var classes mismatch
	for c, name := range a.Classes {
		if column[c] < 0 {
			classes.add("missing in B", name)
		}
	}
	for _, name := range naming.Unmatched(column, b.Classes) {
		classes.add("missing in A", name)
	}
	if err := classes.err("the classes differ", "the columns of both tables must have the same names"); err != nil {
		return nil, err
	}
	for name, p := range map[string]*Predictions{"A": a, "B": b} {
		if slices.ContainsFunc(p.Rows, func(r Prediction) bool { return r.Path == "" }) {
			return nil, fmt.Errorf("%s has images without a path: a column path (or %s) is needed to match them",
				name, strings.Join(table.Paths[1:], ", "))
		}
	}
	pathsOfA, pathsOfB := a.paths(), b.paths()
	var rows mismatch
	for _, path := range repeated(pathsOfA) {
		rows.add("more than once in A", path)
	}
	for _, path := range repeated(pathsOfB) {
		rows.add("more than once in B", path)
	}
	rowsOfB := naming.Match(pathsOfA, pathsOfB)
	out := &Predictions{Classes: a.Classes, Ordered: a.Ordered, Attributes: a.Attributes,
		Rows: make([]Prediction, len(a.Rows))}
	for i, r := range a.Rows {
		k := rowsOfB[i]
		if k < 0 {
			rows.add("missing in B", r.Path)
			continue
		}
		other := b.Rows[k]
		if other.Label != column[r.Label] {
			rows.add("labelled differently", fmt.Sprintf("%s: %s in A, %s in B", r.Path, a.Classes[r.Label],
				b.Classes[other.Label]))
			continue
		}
		probabilities := make([]float64, len(column))
		for c, k := range column {
			probabilities[c] = other.Probabilities[k]
		}
		out.Rows[i] = r
		out.Rows[i].Probabilities = probabilities
	}
	for _, path := range naming.Unmatched(rowsOfB, pathsOfB) {
		rows.add("missing in A", path)
	}
	return out, rows.err("the images differ",
		"both tables must have one row for each of the same images, with the same path and label; "+
			"trainer compare -common compares the images that both have")
}

func (p *Predictions) paths() []string {
	out := make([]string, len(p.Rows))
	for i, r := range p.Rows {
		out[i] = r.Path
	}
	return out
}

// repeated returns the names that occur again.
func repeated(names []string) (out []string) {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			out = append(out, name)
		}
		seen[name] = true
	}
	return out
}

// A mismatch collects differences between two tables by kind, for a message with a few examples.
type mismatch struct {
	kinds    []string
	examples map[string][]string
}

func (m *mismatch) add(kind, example string) {
	if m.examples == nil {
		m.examples = map[string][]string{}
	}
	if m.examples[kind] == nil {
		m.kinds = append(m.kinds, kind)
	}
	m.examples[kind] = append(m.examples[kind], fmt.Sprintf("%.300s", naming.Quote(example)))
}

// err returns an error with what is wrong and what should be, or nil if nothing was added.
func (m *mismatch) err(what, should string) error {
	if len(m.kinds) == 0 {
		return nil
	}
	var parts []string
	for _, kind := range m.kinds {
		examples := m.examples[kind]
		count := len(examples)
		if count > 3 {
			examples = append(examples[:3:3], "…")
		}
		parts = append(parts, fmt.Sprintf("%d %s (%s)", count, kind, strings.Join(examples, ", ")))
	}
	return fmt.Errorf("%s: %s; %s", what, strings.Join(parts, "; "), should)
}
