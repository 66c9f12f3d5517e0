package evaluation

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// A Contender is one of the results that stand side by side: predictions, of
// which everything can be computed, or a row of metrics that somebody published,
// which has no intervals and cannot be tested.
type Contender struct {
	Name        string             `json:"name"`
	Predictions *Predictions       `json:"-"`
	Published   map[string]float64 `json:"published,omitempty"` // by column name
	Assessment  *Assessment        `json:"assessment,omitempty"`
}

// Contest is a comparison of the first contender that has predictions with each
// other one.
type Contest struct {
	Contenders []Contender     `json:"contenders"`
	Pairs      []ContenderPair `json:"paired"`
}

// ContenderPair is the test of B against A.
type ContenderPair struct {
	A string `json:"a"`
	B string `json:"b"`
	*Paired
}

// NewContest assesses all contenders that have predictions and tests each
// against the first of them.
func NewContest(ctx context.Context, contenders []Contender, o Intervals) (*Contest, error) {
	c := &Contest{Contenders: contenders, Pairs: []ContenderPair{}}
	first := -1
	for i := range contenders {
		k := &contenders[i]
		if k.Predictions == nil {
			continue
		}
		if first >= 0 {
			a := contenders[first]
			p, err := ComparePaired(ctx, a.Predictions, k.Predictions, o)
			if err != nil {
				return nil, fmt.Errorf("%s (A) and %s (B): %w", a.Name, k.Name, err)
			}
			c.Pairs = append(c.Pairs, ContenderPair{a.Name, k.Name, p})
		} else {
			first = i
		}
		var err error
		if k.Assessment, err = Assess(ctx, k.Predictions, o); err != nil {
			return nil, fmt.Errorf("%s: %w", k.Name, err)
		}
	}
	return c, nil
}

// estimate is a contender's value of a measure, with NaN for what it lacks.
func (k Contender) estimate(name string) Estimate {
	nan := number(math.NaN())
	out := Estimate{name, nan, nan, nan}
	if v, ok := k.Published[name]; ok {
		out.Value = number(v)
	}
	if k.Assessment != nil {
		for _, m := range k.Assessment.Measures {
			if m.Name == name {
				out = m
			}
		}
	}
	return out
}

// names are those of the measures that any contender has.
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
func (c *Contest) WriteJSON(w io.Writer) error { return writeJSON(w, c) }

// WriteCSV writes a line a number: of a contender (kind value, or published,
// without interval), or of a pair: the difference of a measure, DeLong's of a
// class's AUC, and McNemar's two tests, whose value is the number of images that
// B alone has right less that of A.
func (c *Contest) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	cell := func(v number) string {
		if math.IsNaN(float64(v)) {
			return ""
		}
		return formatFloat(float64(v))
	}
	nan := number(math.NaN())
	line := func(kind, measure, a, b string, numbers ...number) {
		record := []string{kind, measure, a, b}
		for _, v := range numbers {
			record = append(record, cell(v))
		}
		out.Write(record) // the writer keeps its first error for Error below
	}
	out.Write([]string{"kind", "measure", "a", "b", "value", "low", "high", "p"})
	for _, name := range c.names() {
		for _, k := range c.Contenders {
			e, kind := k.estimate(name), "value"
			if k.Assessment == nil {
				kind = "published"
			}
			line(kind, name, k.Name, "", e.Value, e.Low, e.High, nan)
		}
	}
	for _, p := range c.Pairs {
		for _, d := range p.Measures {
			line("difference", d.Name, p.A, p.B, d.Difference, d.Low, d.High, nan)
		}
		for _, d := range p.DeLong {
			line("delong", "roc_auc "+d.Class, p.A, p.B, d.Difference, d.Low, d.High, d.P)
		}
		gap := number(p.McNemar.OnlyB - p.McNemar.OnlyA)
		line("mcnemar_exact", "accuracy", p.A, p.B, gap, nan, nan, number(p.McNemar.ExactP))
		line("mcnemar_chi_square", "accuracy", p.A, p.B, gap, nan, nan, number(p.McNemar.P))
	}
	out.Flush()
	return out.Error()
}

// WriteText writes tables for a terminal.
func (c *Contest) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "measure\t")
	for _, k := range c.Contenders {
		fmt.Fprintf(t, "%s\t", oneLine(k.Name))
	}
	fmt.Fprintln(t)
	for _, name := range c.names() {
		fmt.Fprintf(t, "%s\t", name)
		for _, k := range c.Contenders {
			switch e := k.estimate(name); {
			case math.IsNaN(float64(e.Value)):
				fmt.Fprint(t, "\t")
			case k.Assessment == nil:
				fmt.Fprintf(t, "%.4f\t", e.Value)
			default:
				fmt.Fprintf(t, "%.4f [%.4f, %.4f]\t", e.Value, e.Low, e.High)
			}
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, k := range c.Contenders {
		if k.Assessment == nil {
			fmt.Fprintf(w, "%s is a published row of metrics: without images there is neither interval nor test.\n", oneLine(k.Name))
		}
	}
	for _, p := range c.Pairs {
		if err := p.writeText(w); err != nil {
			return err
		}
	}
	return nil
}

func (p ContenderPair) writeText(w io.Writer) error {
	m := p.McNemar
	fmt.Fprintf(w, "\n%s less %s, on the same %d images; intervals of %v %%, %d bootstrap rounds; * excludes 0\n",
		oneLine(p.B), oneLine(p.A), p.Rows, 100*p.Level, p.Rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, d := range p.Measures {
		mark := ""
		if d.Excludes0() {
			mark = " *"
			if lowerIsBetter(d.Name) {
				mark = " * (lower is better)"
			}
		}
		fmt.Fprintf(t, "%s\t%+.4f\t[%+.4f, %+.4f]\t%s\n", d.Name, d.Difference, d.Low, d.High, mark)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, d := range p.DeLong {
		fmt.Fprintf(w, "DeLong, AUC of %q: %+.4f [%+.4f, %+.4f], p = %.4g\n", d.Class, d.Difference, d.Low, d.High, d.P)
	}
	_, err := fmt.Fprintf(w, "McNemar: %d images right in the first alone, %d in the second alone, exact p = %.4g, chi-square p = %.4g\n",
		m.OnlyA, m.OnlyB, m.ExactP, m.P)
	return err
}
