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
	Patients int               `json:"patients,omitempty"` // whose rows they are; 0: not known
	Unit     Unit              `json:"unit,omitempty"`     // of a row; "": an image
	Pool     Pool              `json:"pool,omitempty"`     // how the probabilities of a unit's images became one
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

	Units     []UnitAssessment `json:"units,omitempty"`     // see AddUnits
	Subgroups []Subgroups      `json:"subgroups,omitempty"` // see AddSubgroups

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
	d := s.drawing()
	err = bootstrap(ctx, d, []part{{sample: s}}, o, func(round int, measures [][]float64) {
		for k, v := range measures[0] {
			all[k][round] = v
		}
	})
	if err != nil {
		return nil, err
	}
	next, drawn := 0, d.level(o.Level)
	take := func(names []string, closedForm func(name string) (low, high float64, method string)) []Estimate {
		out := make([]Estimate, len(names))
		for i, name := range names {
			low, high, method := closedForm(name)
			switch {
			case method != "":
			case name == "ece":
				low, high = all.basicInterval(next, values[next], drawn)
				low, high, method = max(low, 0), max(high, 0), s.method(BasicBootstrap)
			default:
				low, high = all.interval(next, values[next], drawn)
				method = s.method(Bootstrap)
			}
			out[i] = Estimate{Name: name, Value: Number(values[next]), Low: Number(low), High: Number(high), Method: method}
			next++
		}
		return out
	}
	delong := make([]AUCInterval, s.classes)
	for c := range delong {
		delong[c] = s.placements(c).interval(o.Level)
	}
	a := &Assessment{Rows: len(p.Rows), Classes: p.Classes, Ordered: p.Ordered, Rounds: o.Rounds, Level: o.Level,
		Seed: o.Seed, Unit: p.Unit, Pool: p.Pool,
		Measures: take(measureNames(s.classes), func(name string) (low, high float64, method string) {
			return s.closedForm(name, delong[positiveClass], o.Level)
		}), ECEIfCalibrated: Number(s.calibrationNoise())}
	if s.patients != nil {
		a.Patients = len(s.patients.rows)
	}
	if s.classes == 2 {
		a.Positive = p.Classes[positiveClass]
	}
	for c, name := range p.Classes {
		k := ClassAssessment{Class: name, Support: int(t.support[c]), Predicted: int(t.predicted[c]),
			DeLong: delong[c],
			Measures: take(classMeasures, func(name string) (low, high float64, method string) {
				return s.closedFormOf(name, c, delong[c], o.Level)
			})}
		if k.Support > 0 && s.patients.count(s.byClass[c]) == 1 {
			reason := "one sample is the same in every bootstrap round, so intervals are too narrow"
			if k.Support > 1 {
				reason = "all samples are of one patient, who is in every bootstrap round, so intervals are too narrow"
			}
			warnings = append(warnings, Warning{Class: name, Metrics: classMeasures, Reason: reason})
		}
		a.PerClass = append(a.PerClass, k)
	}
	if s.bands > 0 {
		a.ROC = all.bands(names, values, next, 0, drawn)
		a.PrecisionRecall = all.bands(names, values, next, 1, drawn)
	}
	if accuracy, _ := Find(a.Measures, "accuracy"); accuracy.Value == 1 {
		warnings = append(warnings, Warning{Metrics: []string{"accuracy"}, Reason: fmt.Sprintf(
			"no image is mistaken, nor is one in any bootstrap round; the interval of the accuracy, by Wilson's method, begins "+
				"at %.4f", accuracy.Low)})
	}
	if w := s.patients.warning(); w != "" {
		a.Warnings = append(a.Warnings, w)
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
	fmt.Fprintf(w, "%s, %d classes; intervals%s of %v %%, %d bootstrap rounds\n",
		a.Size(), len(a.Classes), a.by(), 100*a.Level, a.Rounds)
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
	fmt.Fprintf(t, "class\t%s\tpredicted\tprecision\trecall\tspecificity\tf1\troc_auc\tits interval, by DeLong\t\n",
		a.Unit.Several())
	for _, k := range a.PerClass {
		v := map[string]Number{}
		for _, m := range k.Measures {
			v[m.Name] = m.Value
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t[%.4f, %.4f]\t\n", oneLine(k.Class), k.Support, k.Predicted,
			v["precision"], v["recall"], v["specificity"], v["f1"], v["roc_auc"], k.DeLong.Low, k.DeLong.High)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := writeUnits(w, a.Units); err != nil {
		return err
	}
	for _, s := range a.Subgroups {
		if err := s.writeText(w, a.Positive, a.Unit); err != nil {
			return err
		}
	}
	return nil
}

// Size returns how many images, eyes and patients were assessed, in words.
func (a *Assessment) Size() string {
	out := fmt.Sprintf("%d %s", a.Rows, a.Unit.Several())
	if a.Patients > 0 && a.Unit != ByPatient {
		out += fmt.Sprintf(" of %d patients", a.Patients)
	}
	if a.Pool != "" {
		out += fmt.Sprintf(" (the %s of their images)", a.Pool.Words())
	}
	return out
}

// Clustered reports whether intervals are by patient, since patients have several rows.
func (a *Assessment) Clustered() bool { return a.Patients > 0 && a.Patients < a.Rows }

// by returns " by patient" if intervals are.
func (a *Assessment) by() string {
	if a.Clustered() {
		return ByPatients
	}
	return ""
}

// ReadAssessment reads what WriteJSON wrote.
func ReadAssessment(r io.Reader) (*Assessment, error) {
	a := &Assessment{}
	if err := json.NewDecoder(r).Decode(a); err != nil {
		return nil, fmt.Errorf("reading an assessment: %w", err)
	}
	return a, nil
}
