package evaluation

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Estimate is a measure with its interval.
type Estimate struct {
	Name   string `json:"name"`
	Value  Number `json:"value"`
	Low    Number `json:"low"`
	High   Number `json:"high"`
	Method string `json:"method,omitempty"` // of the interval
	Rule   string `json:"rule,omitempty"`   // by which images were taken for a class: [Argmax], or a threshold
}

// Find returns the measure of a name, and whether it is there; if not, its numbers are NaN.
func Find(measures []Estimate, name string) (Estimate, bool) {
	for _, m := range measures {
		if m.Name == name {
			return m, true
		}
	}
	nan := Number(math.NaN())
	return Estimate{Name: name, Value: nan, Low: nan, High: nan}, false
}

// ClassAssessment is one class against the rest.
type ClassAssessment struct {
	Class     string      `json:"class"`
	Support   int         `json:"support"`   // rows of this class
	Predicted int         `json:"predicted"` // rows predicted as this class
	Measures  []Estimate  `json:"measures"`
	DeLong    AUCInterval `json:"roc_auc_delong"`
}

// Assessment is what metrics_test.json holds: every measure with its interval. A number that the data leave undefined
// is NaN, and null in JSON.
type Assessment struct {
	Rows     int               `json:"rows"`
	Classes  []string          `json:"classes"`
	Positive string            `json:"positive,omitempty"` // the class that a task of two looks for
	Ordered  bool              `json:"ordered"`            // the classes are grades
	Rounds   int               `json:"bootstrap_rounds"`
	Level    float64           `json:"level"`
	Seed     uint64            `json:"seed"`
	Measures []Estimate        `json:"measures"`
	PerClass []ClassAssessment `json:"per_class"`
	// ECEIfCalibrated is about what ece would be, by chance, if the probabilities were right.
	ECEIfCalibrated Number   `json:"ece_if_calibrated"`
	Warnings        []string `json:"warnings,omitempty"`

	// The curves of the positive class of two, else of the averages over classes; none if all rows are of one class.
	// They are for figures.
	ROC             []Band `json:"-"`
	PrecisionRecall []Band `json:"-"`
}

// Assess returns every measure of p with intervals. Values are those of [Compute]; val_loss is the mean over images.
// Errors are those of [Predictions.Check], of the options and of ctx.
func Assess(ctx context.Context, p *Predictions, o Intervals) (*Assessment, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	s := newSample(p)
	s.pool(p)
	names := bandNames(p.Classes)
	if len(s.byClass[p.Rows[0].Label]) < len(p.Rows) { // else no class has a ROC curve
		s.bands = len(names)
	}
	t, values := s.whole()
	warnings := warnings(p, t)
	all := newReplicates(len(values), o.Rounds)
	err = bootstrap(ctx, []*sample{s}, o, func(round int, measures [][]float64) {
		for k, v := range measures[0] {
			all[k][round] = v
		}
	})
	if err != nil {
		return nil, err
	}
	next := 0
	take := func(names []string, closedForm func(name string) (low, high float64, method string)) []Estimate {
		out := make([]Estimate, len(names))
		for i, name := range names {
			low, high, method := closedForm(name)
			switch {
			case method != "":
			case name == "ece":
				low, high = all.basicInterval(next, values[next], o.Level)
				low, high, method = max(low, 0), max(high, 0), BasicBootstrap
			default:
				low, high = all.interval(next, values[next], o.Level)
				method = Bootstrap
			}
			out[i] = Estimate{Name: name, Value: Number(values[next]), Low: Number(low), High: Number(high), Method: method}
			next++
		}
		return out
	}
	delong := make([]AUCInterval, s.classes)
	for c := range delong {
		delong[c] = newPlacements(s.rankings[c], uint16(c)).interval(o.Level)
	}
	a := &Assessment{Rows: len(p.Rows), Classes: p.Classes, Ordered: p.Ordered, Rounds: o.Rounds, Level: o.Level, Seed: o.Seed,
		Measures: take(measureNames(s.classes), func(name string) (low, high float64, method string) {
			return t.closedForm(name, delong[positiveClass], o.Level)
		}), ECEIfCalibrated: Number(s.calibrationNoise())}
	if s.classes == 2 {
		a.Positive = p.Classes[positiveClass]
	}
	for c, name := range p.Classes {
		k := ClassAssessment{Class: name, Support: int(t.support[c]), Predicted: int(t.predicted[c]),
			DeLong: delong[c],
			Measures: take(classMeasures, func(name string) (low, high float64, method string) {
				return t.closedFormOf(name, c, delong[c], o.Level)
			})}
		if k.Support == 1 {
			warnings = append(warnings, Warning{Class: name, Metrics: classMeasures,
				Reason: "one sample is the same in every bootstrap round, so intervals are too narrow"})
		}
		a.PerClass = append(a.PerClass, k)
	}
	if s.bands > 0 {
		a.ROC = all.bands(names, values, next, 0, o.Level)
		a.PrecisionRecall = all.bands(names, values, next, 1, o.Level)
	}
	if accuracy, _ := Find(a.Measures, "accuracy"); accuracy.Value == 1 {
		warnings = append(warnings, Warning{Metrics: []string{"accuracy"}, Reason: fmt.Sprintf(
			"no image is mistaken, nor is one in any bootstrap round; the interval of the accuracy, by Wilson's method, begins "+
				"at %.4f", accuracy.Low)})
	}
	for _, w := range warnings {
		a.Warnings = append(a.Warnings, w.String())
	}
	a.nameRules(p)
	return a, nil
}

// WriteJSON writes a with a line's end.
func (a *Assessment) WriteJSON(w io.Writer) error { return WriteJSON(w, a) }

// WriteJSON writes a value as indented JSON for a reader.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// WriteText writes a line a measure and a table of the classes.
func (a *Assessment) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%d images, %d classes; intervals of %v %%, %d bootstrap rounds\n",
		a.Rows, len(a.Classes), 100*a.Level, a.Rounds)
	if a.Positive != "" {
		fmt.Fprintf(w, "the positive class is %q\n", a.Positive)
	}
	if a.Ordered {
		fmt.Fprintf(w, "the classes are grades: %s\n", chain(a.Classes))
	}
	for _, m := range a.Measures {
		if !a.Headlined(m.Name) {
			continue
		}
		fmt.Fprintf(w, "  %-40s %8.4f  [%.4f, %.4f]  %s", m.Name, m.Value, m.Low, m.High, m.Method)
		if m.Name == "ece" {
			fmt.Fprintf(w, "  about %.4f by chance, if calibrated", a.ECEIfCalibrated)
		}
		if m.Rule != "" {
			fmt.Fprintf(w, "  %s", m.Rule)
		}
		fmt.Fprintln(w)
	}
	if note := a.UnorderedNote(); note != "" {
		fmt.Fprintln(w, note)
	}
	fmt.Fprintf(w, "each class against the rest, images taken for their most probable class (%s):\n", Argmax)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "class\timages\tpredicted\tprecision\trecall\tspecificity\tf1\troc_auc\tits interval, by DeLong\t")
	for _, k := range a.PerClass {
		v := map[string]Number{}
		for _, m := range k.Measures {
			v[m.Name] = m.Value
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t[%.4f, %.4f]\t\n", oneLine(k.Class), k.Support, k.Predicted,
			v["precision"], v["recall"], v["specificity"], v["f1"], v["roc_auc"], k.DeLong.Low, k.DeLong.High)
	}
	return t.Flush()
}

// ReadAssessment reads what WriteJSON wrote.
func ReadAssessment(r io.Reader) (*Assessment, error) {
	a := &Assessment{}
	if err := json.NewDecoder(r).Decode(a); err != nil {
		return nil, fmt.Errorf("reading an assessment: %w", err)
	}
	return a, nil
}
