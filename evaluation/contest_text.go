package evaluation

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// WriteText writes tables for a terminal.
func (c *Contest) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "measure\t")
	for _, k := range c.Contenders {
		fmt.Fprintf(t, "%s  \t", oneLine(k.Name))
	}
	fmt.Fprintln(t)
	of := c.assessed()
	for _, name := range c.names() {
		if !of.Headlined(name) {
			continue
		}
		fmt.Fprintf(t, "%s\t", withDirection(name))
		best := c.best(name)
		for _, k := range c.Contenders {
			e, cell := k.estimate(name), ""
			if !math.IsNaN(float64(e.Value)) {
				cell = fmt.Sprintf("%.4f", e.Value)
			}
			if k.Assessment != nil {
				cell += fmt.Sprintf(" [%.4f, %.4f]", e.Low, e.High)
			}
			if threshold, _, ok := strings.Cut(e.Rule, ","); ok {
				cell += " " + threshold
			}
			if float64(e.Value) == best {
				cell += " *"
			} else {
				cell += "  "
			}
			fmt.Fprintf(t, "%s\t", cell)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "* best of the row; ↓ lower is better; intervals as of each result alone: Wilson's of fractions "+
		"of images, DeLong's of the AUC of two classes, else the bootstrap's")
	fmt.Fprintln(w, "Precision, recall, specificity, F1 and Jaccard take each image for its most probable class (argmax). A "+
		"threshold beside a sensitivity was chosen on the same images.")
	if note := of.UnorderedNote(); note != "" {
		fmt.Fprintln(w, note)
	}
	for _, k := range c.Contenders {
		if k.Assessment == nil {
			fmt.Fprintf(w, "%s is a published row of metrics, so it has neither intervals nor tests.\n", oneLine(k.Name))
		}
	}
	for _, p := range c.Pairs {
		if err := p.writeText(w, len(c.Pairs) > 1, of); err != nil {
			return err
		}
	}
	return nil
}

// assessed returns the first assessment, an empty one if there is none.
func (c *Contest) assessed() *Assessment {
	for _, k := range c.Contenders {
		if k.Assessment != nil {
			return k.Assessment
		}
	}
	return &Assessment{}
}

func withDirection(measure string) string {
	if lowerIsBetter(measure) {
		return measure + " ↓"
	}
	return measure
}

// best returns the best value of a measure, or NaN if all contenders that have it are equal.
func (c *Contest) best(name string) float64 {
	best, worst := math.NaN(), math.NaN()
	for _, k := range c.Contenders {
		v := float64(k.estimate(name).Value)
		if lowerIsBetter(name) {
			v = -v
		}
		if !(v <= best) && !math.IsNaN(v) {
			best = v
		}
		if !(v >= worst) && !math.IsNaN(v) {
			worst = v
		}
	}
	switch {
	case best == worst:
		return math.NaN()
	case lowerIsBetter(name):
		return -best
	}
	return best
}

// writeText writes the tests of a pair, one of several or the only one.
func (p ContenderPair) writeText(w io.Writer, several bool, of *Assessment) error {
	a, b := oneLine(p.A), oneLine(p.B)
	whose, by := "", ""
	if p.Patients > 0 {
		whose, by = fmt.Sprintf(" of %d patients", p.Patients), " by patient"
	}
	fmt.Fprintf(w, "\n%s.\n%s less %s, on the same %d images%s; intervals%s of %v %%, %d bootstrap rounds\n",
		p.Sentence(several), b, a, p.Rows, whose,
		by, 100*p.Level, p.Rounds)
	shown, apart := 0, 0
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, d := range p.Measures {
		if !of.Headlined(d.Name) {
			continue
		}
		shown++
		if d.verdict() != "" {
			apart++
		}
		fmt.Fprintf(t, "%s\t%+.4f\t[%+.4f, %+.4f]\t%s\n", withDirection(d.Name), d.Difference, d.Low, d.High, d.verdict())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\"better\" and \"worse\" describe %s and mean that the %v %% interval of the difference excludes 0.\n",
		b, 100*p.Level)
	if apart == 0 {
		fmt.Fprintln(w, "None does: these images do not show that one of the two is better. Nor do they show that both are equal.")
	}
	fmt.Fprintf(w, "Of %d such intervals about %.1f do so by chance.\n", shown, (1-p.Level)*float64(shown))
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	corrected := several || len(p.DeLong) > 1
	fmt.Fprintf(t, "DeLong's test%s, AUC of\tdifference\tinterval\tp\t", by)
	if corrected {
		fmt.Fprint(t, "Holm's p\t")
	}
	fmt.Fprintln(t)
	for i, d := range p.DeLong {
		fmt.Fprintf(t, "%s\t%+.4f\t[%+.4f, %+.4f]\t%s\t", oneLine(d.Class), d.Difference, d.Low, d.High, pValue(d.P))
		if corrected {
			fmt.Fprintf(t, "%s\t", pValue(p.Holm.DeLong[i]))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	m, holm := p.McNemar, ""
	if several {
		holm = ", exact with Holm's correction p = " + pValue(p.Holm.McNemar)
	}
	_, err := fmt.Fprintf(w, "McNemar's test%s: %d images right in %s alone, %d in %s alone; "+
		"exact p = %s, chi-square p = %s%s\n",
		by, m.OnlyA, a, m.OnlyB, b, pValue(Number(m.ExactP)), pValue(Number(m.P)), holm)
	return err
}

// Sentence says which of a pair is better, without a full stop. Of two classes DeLong's test of the AUC decides, of more
// McNemar's exact test of the accuracy, by the level of the intervals. If the pair is one of several, the p value with
// Holm's correction decides.
func (p ContenderPair) Sentence(several bool) string {
	what, test := "accuracy", "McNemar's exact"
	d, _ := p.measure("accuracy")
	single, holm := Number(p.McNemar.ExactP), p.Holm.McNemar
	if len(p.DeLong) == 1 && !math.IsNaN(float64(p.DeLong[0].P)) {
		what, test, single, holm = "AUC", "DeLong", p.DeLong[0].P, p.Holm.DeLong[0]
		d.Difference, d.Low, d.High = p.DeLong[0].Difference, p.DeLong[0].Low, p.DeLong[0].High
	}
	a, b := oneLine(p.A), oneLine(p.B)
	if d.Difference < 0 {
		a, b, d = b, a, d.reversed()
	}
	out := fmt.Sprintf("No difference between %s and %s is shown", a, b)
	if float64(holm) < 1-p.Level {
		out = fmt.Sprintf("%s is better than %s", b, a)
	}
	out += fmt.Sprintf(": %s difference %.3f (%.3f to %.3f), %s p %s", what, d.Difference, d.Low, d.High, test, about(single))
	if several {
		out += ", with Holm's correction p " + about(holm)
	}
	if macro, ok := p.measure("roc_auc"); ok && what == "accuracy" && !math.IsNaN(float64(macro.Difference)) {
		if a == oneLine(p.B) {
			macro = macro.reversed()
		}
		out += fmt.Sprintf("; macro AUC difference %.3f (%.3f to %.3f)", macro.Difference, macro.Low, macro.High)
	}
	out += fmt.Sprintf(", %d images", p.Rows)
	if p.Patients > 0 {
		out += fmt.Sprintf(" of %d patients", p.Patients)
	}
	return out
}

// measure returns the difference of a measure, and whether it is there.
func (p *Paired) measure(name string) (Difference, bool) {
	for _, d := range p.Measures {
		if d.Name == name {
			return d, true
		}
	}
	return Difference{}, false
}

// reversed returns the difference of A less B.
func (d Difference) reversed() Difference {
	d.A, d.B, d.Difference, d.Low, d.High = d.B, d.A, -d.Difference, -d.High, -d.Low
	return d
}

// about returns a p value with two digits, behind "=" or "<".
func about(p Number) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return fmt.Sprintf("= %.2g", float64(p))
}

// verdict returns " better" or " worse" if the interval excludes 0, else "".
func (d Difference) verdict() string {
	switch {
	case !d.Excludes0():
		return ""
	case (d.Low > 0) != lowerIsBetter(d.Name):
		return " better"
	}
	return " worse"
}

func pValue(p Number) string {
	if math.IsNaN(float64(p)) {
		return "undefined"
	}
	return fmt.Sprintf("%.3g", p)
}
