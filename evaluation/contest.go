package evaluation

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"

	"fovea/internal/naming"
	"fovea/internal/table"
)

// A Contender is one of several results that are compared: predictions, or a row of metrics that somebody published. A
// published row has no intervals and cannot be tested.
type Contender struct {
	Name        string             `json:"name"`
	Predictions *Predictions       `json:"-"`
	Published   map[string]float64 `json:"published,omitempty"` // by column name
	Assessment  *Assessment        `json:"assessment,omitempty"`
}

// Contest is a comparison of contenders in pairs.
type Contest struct {
	Contenders []Contender     `json:"contenders"`
	Pairs      []ContenderPair `json:"paired"`
}

// ContenderPair is the test of B against A.
type ContenderPair struct {
	A string `json:"a"`
	B string `json:"b"`
	*Paired
	Holm Holm `json:"holm"`
}

// Holm are the p values of a pair corrected for how many a contest has (Holm, 1979): McNemar's exact ones of all pairs,
// and DeLong's of all pairs and classes.
type Holm struct {
	McNemar Number   `json:"mcnemar_exact_p"`
	DeLong  []Number `json:"delong_p"` // in the order of Paired.DeLong
}

// NewContest assesses all contenders that have predictions and tests each against the first of them, or all pairs.
func NewContest(ctx context.Context, contenders []Contender, o Intervals, allPairs bool) (*Contest, error) {
	c := &Contest{Contenders: contenders, Pairs: []ContenderPair{}}
	c.sharePatients()
	var before []int // contenders with predictions
	for i := range contenders {
		k := &contenders[i]
		if k.Predictions == nil {
			continue
		}
		for n, j := range before {
			if a := contenders[j]; n == 0 || allPairs {
				k.Predictions.Arrange(Meaning{Classes: a.Predictions.Classes, Ordered: a.Predictions.Ordered}) // else it is refused now
				p, err := ComparePaired(ctx, a.Predictions, k.Predictions, o)
				if err != nil {
					return nil, fmt.Errorf("%s (A) and %s (B): %w", a.Name, k.Name, err)
				}
				c.Pairs = append(c.Pairs, ContenderPair{A: a.Name, B: k.Name, Paired: p})
			}
		}
		before = append(before, i)
		var err error
		if k.Assessment, err = Assess(ctx, k.Predictions, o); err != nil {
			return nil, fmt.Errorf("%s: %w", k.Name, err)
		}
	}
	c.correct()
	return c, nil
}

// KeepCommon leaves contenders the images that all with predictions have, matched by path. It returns how many each of
// contenders had besides.
func KeepCommon(contenders []Contender) (left []int) {
	left = make([]int, len(contenders))
	kept := map[string]int{} // by path: contenders that have it
	matched := make([][]string, len(contenders))
	var first []string
	of := 0
	for i, k := range contenders {
		if k.Predictions == nil {
			continue
		}
		paths := k.Predictions.paths()
		if of++; of == 1 {
			first = paths
		}
		matched[i] = make([]string, len(paths))
		for j, row := range naming.Match(first, paths) {
			if row >= 0 {
				matched[i][row] = first[j]
				kept[first[j]]++
			}
		}
	}
	for i := range contenders {
		p := contenders[i].Predictions
		if p == nil {
			continue
		}
		common := *p
		common.Rows = nil
		for row, path := range matched[i] {
			if path != "" && kept[path] == of {
				common.Rows = append(common.Rows, p.Rows[row])
			}
		}
		left[i] = len(p.Rows) - len(common.Rows)
		contenders[i].Predictions = &common
	}
	return left
}

// sharePatients gives contenders without patients those of the first one that has some, by path, so that all intervals
// are of one kind.
func (c *Contest) sharePatients() {
	from := slices.IndexFunc(c.Contenders, func(k Contender) bool {
		return k.Predictions != nil && k.Predictions.Attribute(patientAttribute) != nil
	})
	if from < 0 {
		return
	}
	known := c.Contenders[from].Predictions
	for i := range c.Contenders {
		p := c.Contenders[i].Predictions
		if p == nil || p.Attribute(patientAttribute) != nil {
			continue
		}
		with := *p
		with.Attributes, with.Rows = known.Attributes, slices.Clone(p.Rows)
		for k, row := range naming.Match(p.paths(), known.paths()) {
			with.Rows[k].Attributes = nil
			if row >= 0 {
				with.Rows[k].Attributes = known.Rows[row].Attributes
			}
		}
		c.Contenders[i].Predictions = &with
	}
}

// correct fills in Holm of each pair.
func (c *Contest) correct() {
	var mcnemar, delong []float64
	for _, p := range c.Pairs {
		mcnemar = append(mcnemar, p.McNemar.ExactP)
		for _, d := range p.DeLong {
			delong = append(delong, float64(d.P))
		}
	}
	mcnemar, delong = holm(mcnemar), holm(delong)
	for i := range c.Pairs {
		h := &c.Pairs[i].Holm
		h.McNemar = Number(mcnemar[i])
		for range c.Pairs[i].DeLong {
			h.DeLong, delong = append(h.DeLong, Number(delong[0])), delong[1:]
		}
	}
}

// holm corrects p values for their number (Holm, 1979): the chance that any of them falls below a level by chance alone
// is at most that level. An undefined p value (NaN) stays undefined and does not count.
func holm(ps []float64) []float64 {
	out := slices.Clone(ps)
	var order []int
	for i, p := range ps {
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	largest := 0.0
	for k, i := range order {
		largest = max(largest, min(1, ps[i]*float64(len(order)-k)))
		out[i] = largest
	}
	return out
}

// estimate returns a measure of the contender, with NaN for the numbers that it lacks.
func (k Contender) estimate(name string) Estimate {
	var measures []Estimate
	if k.Assessment != nil {
		measures = k.Assessment.Measures
	}
	out, ok := Find(measures, name)
	if v, published := k.Published[name]; published && !ok {
		out.Value = Number(v)
	}
	return out
}

// names returns the measures that at least one contender has.
func (c *Contest) names() []string {
	classes := 0
	for _, k := range c.Contenders {
		if k.Predictions != nil {
			classes = len(k.Predictions.Classes)
		}
	}
	var out []string
	for _, name := range measureNames(classes) {
		for _, k := range c.Contenders {
			if !math.IsNaN(float64(k.estimate(name).Value)) {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

// WriteJSON writes all of c.
func (c *Contest) WriteJSON(w io.Writer) error { return WriteJSON(w, c) }

// WriteCSV writes one row for each number. Of a contender it writes its measures: kind value, or published without an
// interval. Of a pair it writes the differences of the measures, DeLong's differences of each class's AUC, and both of
// McNemar's tests. Their value is the number of images that B alone has right less that of A.
func (c *Contest) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	cell := func(v Number) string {
		if math.IsNaN(float64(v)) {
			return ""
		}
		return formatFloat(float64(v))
	}
	nan := Number(math.NaN())
	line := func(kind, measure, a, b string, numbers ...Number) {
		record := []string{kind, table.Escape(measure), table.Escape(a), table.Escape(b)}
		for _, v := range numbers {
			record = append(record, cell(v))
		}
		out.Write(record) // the writer keeps its first error for Error below
	}
	out.Write([]string{"kind", "measure", "a", "b", "value", "low", "high", "p", "p_holm"})
	for _, name := range c.names() {
		for _, k := range c.Contenders {
			e, kind := k.estimate(name), "value"
			if k.Assessment == nil {
				kind = "published"
				if _, known := k.Published[name]; !known {
					continue
				}
			}
			line(kind, name, k.Name, "", e.Value, e.Low, e.High, nan, nan)
		}
	}
	for _, p := range c.Pairs {
		for _, d := range p.Measures {
			line("difference", d.Name, p.A, p.B, d.Difference, d.Low, d.High, nan, nan)
		}
		for i, d := range p.DeLong {
			line("delong", "roc_auc "+d.Class, p.A, p.B, d.Difference, d.Low, d.High, d.P, p.Holm.DeLong[i])
		}
		gap := Number(p.McNemar.OnlyB - p.McNemar.OnlyA)
		line("mcnemar_exact", "accuracy", p.A, p.B, gap, nan, nan, Number(p.McNemar.ExactP), p.Holm.McNemar)
		line("mcnemar_chi_square", "accuracy", p.A, p.B, gap, nan, nan, Number(p.McNemar.P), nan)
	}
	out.Flush()
	return out.Error()
}
