package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Of a group with fewer patients, or images where patients are not known, nothing is said but fractions with Wilson's
// interval, and it takes no part in gaps.
const (
	fewUnits   = 20 // in all
	fewOfClass = 10 // of a class that the measure needs: each for the AUC, the positive one for the sensitivity
)

// Subgroups tells how results differ between groups of rows.
type Subgroups struct {
	By        string     `json:"by"`
	Threshold string     `json:"threshold"` // of sensitivity and specificity
	Groups    []Subgroup `json:"groups"`
	Gaps      []Gap      `json:"gaps"`
	Notes     []string   `json:"notes,omitempty"`
}

// Subgroup is one group. A measure of too few patients has no interval but Wilson's. What the group leaves undefined is
// NaN.
type Subgroup struct {
	Name       string     `json:"name"`
	Rows       int        `json:"rows"`
	Patients   int        `json:"patients,omitempty"`
	Support    []int      `json:"support"`    // rows of each class
	Prevalence Number     `json:"prevalence"` // of the positive one of two classes
	Measures   []Estimate `json:"measures"`
	Few        []string   `json:"few,omitempty"` // measures of too few patients
	Members    []int32    `json:"-"`             // its rows, as indices of the predictions
}

// Gap is the difference between the best and the worst group by a measure, of those that are large enough. Its interval
// is by the bootstrap, at the level that makes the intervals of all pairs of groups hold together (Bonferroni), since
// the pair is chosen by the results. Where no patient is in two groups, that of a measure with Wilson's or DeLong's
// interval follows from those of both groups (Newcombe, 1998; Zou and Donner, 2008), which have a width even without an
// error.
type Gap struct {
	Measure    string `json:"measure"`
	Rule       string `json:"rule,omitempty"` // as of an [Estimate]
	Best       string `json:"best"`
	Worst      string `json:"worst"`
	Difference Number `json:"difference"`
	Low        Number `json:"low"`
	High       Number `json:"high"`
	Method     string `json:"method"` // of the interval
	Groups     int    `json:"groups"` // that are compared
}

// SquareAndAdd is the method of the interval of a difference that follows from the intervals of both values.
const SquareAndAdd = "square-and-add"

// subgroupMeasures returns the measures of a group.
func subgroupMeasures(p *Predictions) []string {
	if len(p.Classes) == 2 {
		return []string{"accuracy", "roc_auc", "recall_positive", "specificity_positive", "kappa"}
	}
	out := []string{"accuracy", "roc_auc", "balanced_accuracy", "specificity", "kappa"}
	if p.Ordered {
		out = append(out, "quadratic_kappa")
	}
	return out
}

// AddSubgroups adds results by group. a must be that of p.
func (a *Assessment) AddSubgroups(ctx context.Context, p *Predictions, by Groupings, o Intervals) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if err := CheckGroupings(by, p.Attributes); err != nil {
		return err
	}
	for _, g := range by {
		s, err := newSubgroups(ctx, p, g, o)
		if err != nil {
			return err
		}
		a.Subgroups = append(a.Subgroups, *s)
	}
	return nil
}

func newSubgroups(ctx context.Context, p *Predictions, by Grouping, o Intervals) (*Subgroups, error) {
	names, groups, err := p.divide(by)
	if err != nil {
		return nil, err
	}
	out := &Subgroups{By: by.Attribute, Threshold: Argmax + ", the class of the largest probability"}
	if len(p.Classes) == 2 {
		out.Threshold = fmt.Sprintf("%s, a probability of %q above 0.5", Argmax, p.Classes[positiveClass])
	}
	whole, cell := newPatients(p), make([]int, len(p.Rows))
	occurs := make([]bool, len(p.Classes)) // among all rows
	parts := make([]part, len(groups))
	for g, rows := range groups {
		of := *p
		of.Rows = nil
		for _, i := range rows {
			cell[i] = g*len(p.Classes) + p.Rows[i].Label
			occurs[p.Rows[i].Label] = true
			of.Rows = append(of.Rows, p.Rows[i])
		}
		parts[g] = part{newSample(&of), rows}
		if whole != nil && parts[g].patients == nil { // all of them unknown
			parts[g].patients = &patients{of: make([]int32, len(rows))}
			for k := range rows {
				parts[g].patients.of[k] = int32(k)
				parts[g].patients.rows = append(parts[g].patients.rows, []int32{int32(k)})
			}
		}
	}
	measures, all := subgroupMeasures(p), measureNames(len(p.Classes))
	at := make([]int, len(measures))
	for k, name := range measures {
		at[k] = slices.Index(all, name)
	}
	rounds := make([]replicates, len(groups))
	for g := range rounds {
		rounds[g] = newReplicates(len(measures), o.Rounds)
	}
	err = bootstrap(ctx, newDrawing(whole, cell, len(groups)*len(p.Classes)), parts, o, func(round int, m [][]float64) {
		for g := range groups {
			for k, i := range at {
				rounds[g][k][round] = m[g][i]
			}
		}
	})
	if err != nil {
		return nil, err
	}
	levels := make([]float64, len(groups))
	for g, s := range parts {
		levels[g] = s.drawing().level(o.Level)
		out.Groups = append(out.Groups, s.subgroup(names[g], measures, occurs, rounds[g], o.Level, levels[g]))
		out.Groups[g].Members = groups[g]
	}
	for k, name := range measures {
		best, worst, n := extremes(name, out.Groups)
		if n < 2 {
			continue
		}
		share := func(level float64) float64 { return 1 - (1-level)/(float64(n*(n-1))/2) }
		x, _ := Find(out.Groups[best].Measures, name)
		y, _ := Find(out.Groups[worst].Measures, name)
		gap := Gap{Measure: name, Rule: x.Rule, Best: names[best], Worst: names[worst], Difference: x.Value - y.Value,
			Groups: n}
		low, high, method := squareAndAdd(name, parts[best], parts[worst], x, y, share(o.Level))
		if method == "" || !disjoint(whole, [][]int32{groups[best], groups[worst]}) {
			differences := newReplicates(1, o.Rounds)
			for i := range differences[0] {
				differences[0][i] = rounds[best][k][i] - rounds[worst][k][i]
			}
			low, high = differences.interval(0, float64(gap.Difference), share(max(levels[best], levels[worst])))
			method = parts[best].method(Bootstrap)
		}
		gap.Low, gap.High, gap.Method = Number(low), Number(high), method
		out.Gaps = append(out.Gaps, gap)
	}
	for _, g := range out.Groups {
		if len(g.Few) > 0 {
			what := strings.Join(g.Few, ", ")
			if len(g.Few) == len(g.Measures) {
				what = "any measure"
			}
			out.Notes = append(out.Notes, fmt.Sprintf("%s %q has too few %s, in all or of a class, for %s: "+
				"no interval but Wilson's, and no part in gaps", by.Attribute, g.Name, g.few(), what))
		}
	}
	return out, nil
}

// IsFew reports whether the group has too few patients for a measure.
func (g Subgroup) IsFew(measure string) bool { return slices.Contains(g.Few, measure) }

// few returns what a group lacks.
func (g Subgroup) few() string {
	if g.Patients > 0 {
		return fmt.Sprintf("patients (%d)", g.Patients)
	}
	return fmt.Sprintf("images (%d)", g.Rows)
}

// subgroup returns the measures of a group. occurs tells which classes occur in all groups together.
func (p part) subgroup(name string, measures []string, occurs []bool, rounds replicates,
	level, drawn float64) Subgroup {
	_, values := p.whole()
	out := Subgroup{Name: name, Rows: len(p.truth), Prevalence: Number(math.NaN())}
	units := len(p.truth)
	if p.patients != nil {
		out.Patients = len(p.patients.rows)
		units = out.Patients
	}
	least := units // of the classes that occur
	count := make([]int, p.classes)
	present := 0
	for c, rows := range p.byClass {
		out.Support = append(out.Support, len(rows))
		count[c] = p.patients.count(rows)
		present += index(len(rows) > 0)
		if occurs[c] {
			least = min(least, count[c])
		}
	}
	if p.classes == 2 {
		out.Prevalence = Number(float64(out.Support[positiveClass]) / float64(out.Rows))
	}
	all, delong := measureNames(p.classes), p.placements(positiveClass).interval(level)
	for k, name := range measures {
		needed, defined := units, true // of the class that it needs most
		switch name {
		case "roc_auc", "balanced_accuracy":
			needed, defined = least, least > 0 && present > 1
		case "recall_positive":
			needed, defined = count[positiveClass], count[positiveClass] > 0
		case "specificity_positive":
			needed, defined = count[1-positiveClass], count[1-positiveClass] > 0
		case "specificity", "kappa", "quadratic_kappa":
			defined = present > 1
		}
		nan := Number(math.NaN())
		e := Estimate{Name: name, Value: Number(values[slices.Index(all, name)]), Low: nan, High: nan}
		if usesArgmax(name) {
			e.Rule = Argmax
		}
		if !defined {
			e.Value = e.Low
			out.Measures = append(out.Measures, e)
			continue
		}
		few := units < fewUnits || needed < fewOfClass
		low, high, method := p.closedForm(name, delong, level)
		wilson := strings.HasPrefix(method, WilsonScore)
		if method == "" {
			low, high = replicates{slices.Clone(rounds[k])}.interval(0, values[slices.Index(all, name)], drawn)
			method = p.method(Bootstrap)
		}
		if few {
			out.Few = append(out.Few, name)
		}
		if !few || wilson {
			e.Low, e.High, e.Method = Number(low), Number(high), method
		}
		out.Measures = append(out.Measures, e)
	}
	return out
}

// disjoint reports whether no patient is in two groups of rows.
func disjoint(s *patients, groups [][]int32) bool {
	if s == nil {
		return true
	}
	of := make([]int, len(s.rows)) // the group of each patient, from 1
	for g, rows := range groups {
		for _, i := range rows {
			if k := s.of[i]; of[k] != 0 && of[k] != g+1 {
				return false
			}
			of[s.of[i]] = g + 1
		}
	}
	return true
}

// extremes returns the groups with the largest and the smallest value of a measure, and how many are large enough. Rows
// whose group is not known are none.
func extremes(measure string, groups []Subgroup) (best, worst, n int) {
	var of []int
	value := make([]Number, len(groups))
	for g, x := range groups {
		e, _ := Find(x.Measures, measure)
		value[g] = e.Value
		if !math.IsNaN(float64(e.Value)) && !slices.Contains(x.Few, measure) && x.Name != unknownGroup {
			of = append(of, g)
		}
	}
	if len(of) < 2 {
		return 0, 0, len(of)
	}
	slices.SortStableFunc(of, func(a, b int) int { return cmp.Compare(value[b], value[a]) })
	return of[0], of[len(of)-1], len(of)
}

// squareAndAdd returns the interval of x - y from the closed forms of both at a level; the method is "" without those.
func squareAndAdd(measure string, a, b part, x, y Estimate, level float64) (low, high float64, method string) {
	interval := func(p part) (low, high float64, method string) {
		return p.closedForm(measure, p.placements(positiveClass).interval(level), level)
	}
	lowX, highX, methodX := interval(a)
	lowY, highY, methodY := interval(b)
	if methodX == "" || methodY == "" {
		return 0, 0, ""
	}
	vx, vy := float64(x.Value), float64(y.Value)
	return vx - vy - math.Hypot(vx-lowX, highY-vy), vx - vy + math.Hypot(highX-vx, vy-lowY), SquareAndAdd
}

// writeText writes a table of the groups and one of their gaps.
func (s *Subgroups) writeText(w io.Writer, positive string, unit Unit) error {
	fmt.Fprintf(w, "by %s; sensitivity and specificity at the threshold: %s\n", oneLine(s.By), s.Threshold)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\t%s\t", oneLine(s.By), unit.Several())
	if unit != ByPatient {
		fmt.Fprint(t, "patients\t")
	}
	if positive != "" {
		fmt.Fprint(t, "prevalence\t")
	}
	for _, m := range s.Groups[0].Measures {
		fmt.Fprintf(t, "%s\t", m.Name)
	}
	fmt.Fprintln(t)
	for _, g := range s.Groups {
		patients := ""
		if g.Patients > 0 {
			patients = strconv.Itoa(g.Patients)
		}
		fmt.Fprintf(t, "%s\t%d\t", oneLine(g.Name), g.Rows)
		if unit != ByPatient {
			fmt.Fprintf(t, "%s\t", patients)
		}
		if positive != "" {
			fmt.Fprintf(t, "%.1f %%\t", 100*g.Prevalence)
		}
		for _, m := range g.Measures {
			fmt.Fprintf(t, "%s\t", g.Cell(m))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, g := range s.Gaps {
		measure := g.Measure
		if g.Rule != "" {
			measure += " (" + g.Rule + ")"
		}
		fmt.Fprintf(w, "  gap of %s: %.4f [%.4f, %.4f], %s less %s\n", measure, g.Difference, g.Low, g.High,
			oneLine(g.Best), oneLine(g.Worst))
	}
	for _, n := range s.Notes {
		fmt.Fprintf(w, "  note: %s\n", oneLine(n))
	}
	return nil
}

// Cell returns a measure of the group for a table: with three decimals and an interval, or with one decimal fewer and
// "few" where there are too few patients.
func (g Subgroup) Cell(m Estimate) string {
	switch few := slices.Contains(g.Few, m.Name); {
	case math.IsNaN(float64(m.Value)):
		return "n/a"
	case few && math.IsNaN(float64(m.Low)):
		return fmt.Sprintf("%.2f (few)", m.Value)
	case few:
		return fmt.Sprintf("%.2f [%.2f, %.2f] (few)", m.Value, m.Low, m.High)
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f]", m.Value, m.Low, m.High)
}
