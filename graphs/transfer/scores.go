package transfer

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// A Kind says what the scores of a classifier are.
type Kind string

const (
	LogitScores       Kind = "logits"        // or log-probabilities: softmax makes probabilities of them
	ProbabilityScores Kind = "probabilities" // of classes that exclude each other, with the sum 1
	SigmoidScores     Kind = "sigmoids"      // one between 0 and 1 for each class, whatever the others are
	ScaledScores      Kind = "scaled"        // probabilities times a number, such as percentages
	NegatedScores     Kind = "negated"       // negative log-probabilities: the least is the best
)

// Scores say what an output is.
type Scores struct {
	Kind   Kind
	Logits string  // the first value whose softmax are the probabilities, or whose sigmoids are; "": none
	Off    float64 // largest difference of a probability that is made so
	Sum    float64 // of ScaledScores
	Step   float64 // between neighbouring scores that are quantised; 0: they are not
}

// Runs holds the values of an ending in several runs, [rows, columns] of each. Only float values belong to it.
type Runs struct {
	Rows   int
	Values map[string][]float64
	Order  []string // of the values, as they are computed
}

// closeEnough is the largest difference of a probability, and of a sum of a row, that half precision explains.
const closeEnough = 1e-2

// Read returns what the output of an ending is, from runs on random values. A function that makes numbers between 0 and
// 1 with the sum 1 of any values makes probabilities. It is an error if most rows of the output are not finite.
func (e *Ending) Read(r *Runs) (Scores, error) {
	rows := r.rowsOf(e.Output)
	if rows == nil {
		return Scores{}, fmt.Errorf("%q has no row for each image", e.Output)
	}
	s := Scores{Kind: LogitScores, Step: step(rows)}
	tolerance := min(closeEnough+float64(len(rows[0])+1)*s.Step/2, 0.5)
	var finite []int
	inside, sumsToOne, positive := true, true, true
	sums := map[Kind]*numbersRange{ScaledScores: {}, NegatedScores: {}}
	for i, row := range rows {
		if slices.ContainsFunc(row, isNotFinite) {
			continue
		}
		finite = append(finite, i)
		inside = inside && slices.Min(row) >= -closeEnough && slices.Max(row) <= 1+closeEnough
		sumsToOne = sumsToOne && math.Abs(floats.Sum(row)-1) <= tolerance
		positive = positive && slices.Min(row) >= -closeEnough
		sums[ScaledScores].add(floats.Sum(row))
		odds := 0.0
		for _, x := range row {
			odds += math.Exp(-x)
		}
		sums[NegatedScores].add(odds)
	}
	if 2*len(finite) < len(rows) {
		return s, fmt.Errorf("its last nodes make no finite scores of random values")
	}
	same := func(row []float64) []float64 { return row }
	link, made := softmax, softmax // of a value before, and of the output
	switch {
	case inside && sumsToOne:
		s.Kind, made = ProbabilityScores, same
	case inside:
		s.Kind, link, made = SigmoidScores, sigmoids, same
	case positive && sums[ScaledScores].constant() && len(rows[0]) > 1:
		s.Kind, s.Sum = ScaledScores, sums[ScaledScores].most
	case positive && sums[NegatedScores].constant() && math.Abs(sums[NegatedScores].most-1) <= closeEnough:
		s.Kind = NegatedScores
	}
	for _, name := range r.Order {
		before := r.rowsOf(name)
		if len(before) != len(rows) || len(before[0]) != len(rows[0]) {
			continue
		}
		off := 0.0
		for _, i := range finite {
			off = max(off, floats.Distance(link(before[i]), made(rows[i]), math.Inf(1))) // NaN stays
		}
		if off <= closeEnough/2+s.Step {
			s.Logits, s.Off = name, off
			break
		}
	}
	return s, nil
}

// A numbersRange holds the least and the largest of some numbers.
type numbersRange struct {
	least, most float64
	some        bool
}

func (r *numbersRange) add(x float64) {
	if !r.some {
		r.least, r.most, r.some = x, x, true
	}
	r.least, r.most = min(r.least, x), max(r.most, x)
}

// constant reports whether the numbers are positive and differ by no more than rounding.
func (r *numbersRange) constant() bool { return r.least > 0 && r.most-r.least <= closeEnough*r.most }

// rowsOf returns the rows of a value. It returns nil if the value has not as many in equal parts.
func (r *Runs) rowsOf(name string) [][]float64 {
	v := r.Values[name]
	if len(v) == 0 || len(v)%r.Rows != 0 {
		return nil
	}
	return slices.Collect(slices.Chunk(v, len(v)/r.Rows))
}

// step returns the distance between neighbouring values of a quantised tensor, or 0 if there is none.
func step(rows [][]float64) float64 {
	const finest = 1. / 1024
	all := slices.DeleteFunc(slices.Concat(rows...), isNotFinite)
	slices.Sort(all)
	smallest := math.Inf(1)
	for i := 1; i < len(all); i++ {
		if gap := all[i] - all[i-1]; gap > 1e-6 {
			if smallest = min(smallest, gap); gap < finest {
				return 0
			}
		}
	}
	if smallest > 0.1 { // too few values to tell
		return 0
	}
	return smallest
}

func isNotFinite(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

func softmax(row []float64) []float64 {
	out, total := make([]float64, len(row)), floats.LogSumExp(row)
	for i, x := range row {
		out[i] = math.Exp(x - total)
	}
	return out
}

func sigmoids(row []float64) []float64 {
	out := make([]float64, len(row))
	for i, x := range row {
		out[i] = 1 / (1 + math.Exp(-x))
	}
	return out
}
