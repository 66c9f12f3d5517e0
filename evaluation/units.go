package evaluation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Unit says what a row of predictions is about. The empty one is an image.
type Unit string

const (
	ByImage   Unit = "image"
	ByEye     Unit = "eye"
	ByPatient Unit = "patient"
)

// Set sets u to the unit of a name, for a flag.
func (u *Unit) Set(name string) error {
	if !slices.Contains([]Unit{ByImage, ByEye, ByPatient}, Unit(name)) {
		return errors.New("results are by image, eye or patient")
	}
	*u = Unit(name)
	return nil
}

// String returns the name of the unit.
func (u *Unit) String() string { return string(*u) }

// Several returns the name of several units.
func (u Unit) Several() string {
	if u == "" {
		return "images"
	}
	return string(u) + "s"
}

// A Pool says how the probabilities of a unit's images become one.
type Pool string

const (
	Mean    Pool = "mean"
	Maximum Pool = "max"
	NoisyOr Pool = "noisy_or"
)

// Set sets p to the pool of a name, for a flag.
func (p *Pool) Set(name string) error {
	if !slices.Contains([]Pool{Mean, Maximum, NoisyOr}, Pool(name)) {
		return errors.New("probabilities are pooled by mean, max or noisy_or")
	}
	*p = Pool(name)
	return nil
}

// String returns the name of the pool.
func (p *Pool) String() string { return string(*p) }

// Words returns the pool as it is called in a sentence.
func (p Pool) Words() string {
	return map[Pool]string{Mean: "mean", Maximum: "maximum", NoisyOr: "noisy-or"}[p]
}

// By returns the predictions of units: one row for each eye or patient, in the order of their first images, and what to
// know of them. Its path is the patient, for an eye followed by "/" and the eye. Attributes that a unit's images do not
// share are empty. An image whose patient is not known is a unit of its own, and so is one without an eye.
//
// Of two classes, and of ordered ones, the label is the highest class of the unit's images. Units of other classes
// whose images differ in their labels are left out.
//
// Mean is the mean of each class's probability. Maximum is, of two classes, the largest probability of the positive
// one; of ordered classes each P(grade ≥ k) is the largest of the images; of others each class's largest probability,
// divided by their sum. NoisyOr is 1 - Π (1 - P) of the same probabilities, which is right where the images of a unit
// fail independently. It has no meaning for classes that are not ordered.
func (p *Predictions) By(u Unit, pool Pool) (*Predictions, []string, error) {
	if u == ByImage || u == "" {
		return p, nil, nil
	}
	if p.Unit != "" {
		return nil, nil, fmt.Errorf("the rows are of %s already", p.Unit.Several())
	}
	if err := p.Check(); err != nil {
		return nil, nil, err
	}
	graded := len(p.Classes) == 2 || p.Ordered
	if pool == NoisyOr && !graded {
		return nil, nil, fmt.Errorf("noisy-or is for two classes, or for ordered ones; for the classes %.200q choose mean "+
			"or max", p.Classes)
	}
	groups, notes, err := p.units(u)
	if err != nil {
		return nil, nil, err
	}
	out := &Predictions{Classes: p.Classes, Ordered: p.Ordered, Attributes: p.Attributes, Unit: u, Pool: pool}
	mixed := 0
	for _, g := range groups {
		row := Prediction{Path: g.name, Label: p.Rows[g.rows[0]].Label, Attributes: make([]string, len(p.Attributes))}
		same := true
		for _, i := range g.rows {
			same = same && p.Rows[i].Label == row.Label
			row.Label = max(row.Label, p.Rows[i].Label)
		}
		if !same && !graded {
			mixed++
			continue
		}
		for k := range p.Attributes {
			row.Attributes[k] = p.shared(g.rows, k)
		}
		row.Probabilities = p.pooled(g.rows, pool, graded)
		out.Rows = append(out.Rows, row)
	}
	if mixed > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d %s are left out: their images have different labels, and the classes "+
			"are not ordered", mixed, len(groups), u.Several()))
	}
	if len(out.Rows) == 0 {
		return nil, nil, fmt.Errorf("no %s is left: the images of each have different labels, and the classes are not "+
			"ordered", u)
	}
	return out, notes, nil
}

// A group is a unit with its rows.
type group struct {
	name string
	rows []int
}

// units returns the units of p and what to know of them.
func (p *Predictions) units(u Unit) ([]group, []string, error) {
	names := p.Attribute(patientAttribute)
	if names == nil {
		return nil, nil, unknownUnit(u, patientAttribute)
	}
	eyes := make([]string, len(p.Rows))
	if u == ByEye {
		if eyes = p.Attribute(eyeAttribute); eyes == nil {
			return nil, nil, unknownUnit(u, eyeAttribute)
		}
	}
	var groups []group
	var noPatient, noEye int
	index := map[[2]string]int{}
	for i, name := range names {
		key := [2]string{name, eyeName(eyes[i])}
		switch {
		case name == "":
			noPatient++
		case u == ByEye && key[1] == "":
			noEye++
		default:
			k, ok := index[key]
			if !ok {
				k = len(groups)
				index[key] = k
				groups = append(groups, group{name: strings.TrimSuffix(name+"/"+key[1], "/")})
			}
			groups[k].rows = append(groups[k].rows, i)
			continue
		}
		groups = append(groups, group{name: p.Rows[i].Path, rows: []int{i}})
	}
	var notes []string
	for _, n := range []struct {
		count int
		what  string
	}{{noPatient, patientAttribute}, {noEye, eyeAttribute}} {
		if n.count > 0 {
			notes = append(notes, fmt.Sprintf("the %s of %d of %d images is not known: each of them counts as one %s", n.what,
				n.count, len(names), u))
		}
	}
	return groups, notes, nil
}

func unknownUnit(u Unit, attribute string) error {
	return fmt.Errorf("results by %s need the %s of each image, which is not known: a column %s in the table of labels or "+
		"of predictions tells it", u, attribute, attribute)
}

// eyes holds the names of eyes, in small letters.
var eyes = map[string]string{"r": "right", "re": "right", "od": "right", "right": "right", "rechts": "right",
	"ra": "right", "l": "left", "le": "left", "os": "left", "left": "left", "links": "left", "la": "left"}

// eyeName returns one name for what tables call an eye.
func eyeName(text string) string {
	if name, ok := eyes[strings.ToLower(strings.Trim(text, " ."))]; ok {
		return name
	}
	return text
}

// shared returns the value of attribute k that all rows have, else "".
func (p *Predictions) shared(rows []int, k int) string {
	value := ""
	for n, i := range rows {
		of := ""
		if k < len(p.Rows[i].Attributes) {
			of = p.Rows[i].Attributes[k]
		}
		if n > 0 && !strings.EqualFold(of, value) {
			return ""
		}
		if n == 0 {
			value = of
		}
	}
	return value
}

// pooled returns the probabilities of a unit of rows.
func (p *Predictions) pooled(rows []int, pool Pool, graded bool) []float64 {
	n := len(p.Classes)
	out := make([]float64, n)
	switch {
	case len(rows) == 1:
		return slices.Clone(p.Rows[rows[0]].Probabilities)
	case pool == Mean:
		for _, i := range rows {
			for c, v := range p.Rows[i].Probabilities {
				out[c] += v / float64(len(rows))
			}
		}
		return out
	case !graded:
		sum := 0.0
		for _, i := range rows {
			for c, v := range p.Rows[i].Probabilities {
				out[c] = max(out[c], v)
			}
		}
		for _, v := range out {
			sum += v
		}
		for c := range out {
			out[c] /= sum
		}
		return out
	}
	above := make([]float64, n+1) // P(grade ≥ k); all but none reach 0
	above[0] = 1
	for k := 1; k < n; k++ {
		none := 1.0
		for _, i := range rows {
			at := 0.0
			for _, v := range p.Rows[i].Probabilities[k:] {
				at += v
			}
			at = min(at, 1)
			if pool == Maximum {
				none = min(none, 1-at)
			} else {
				none *= 1 - at
			}
		}
		above[k] = 1 - none
	}
	for k := range out {
		out[k] = max(0, above[k]-above[k+1])
	}
	return out
}

// A Breakdown says what results are of, and how they are told apart.
type Breakdown struct {
	Per  Unit      // what a row becomes; "": an image
	Pool Pool      // how a unit's probabilities become one; "": Mean
	By   Groupings // subgroups
}

// Check returns an error about the first attribute that b needs and that is not among attributes.
func (b Breakdown) Check(attributes []string) error {
	if b.Per != "" && b.Per != ByImage {
		for _, name := range []string{patientAttribute, eyeAttribute} {
			if !slices.Contains(attributes, name) && (name == patientAttribute || b.Per == ByEye) {
				return unknownUnit(b.Per, name)
			}
		}
	}
	return CheckGroupings(b.By, attributes)
}

// Rows returns the rows that are assessed, and what to know of them.
func (b Breakdown) Rows(p *Predictions) (*Predictions, []string, error) { return p.By(b.Per, b.pool()) }

func (b Breakdown) pool() Pool { return cmp.Or(b.Pool, Mean) }

// Assess assesses the rows that [Breakdown.Rows] returned, with their notes among the warnings.
func (b Breakdown) Assess(ctx context.Context, rows *Predictions, notes []string, o Intervals) (*Assessment, error) {
	a, err := Assess(ctx, rows, o)
	if err != nil {
		return nil, err
	}
	a.Warnings = append(a.Warnings, notes...)
	if err := a.AddUnits(ctx, rows, b.pool(), o); err != nil {
		return nil, err
	}
	return a, a.AddSubgroups(ctx, rows, b.By, o)
}

// UnitAssessment tells the main measures of units.
type UnitAssessment struct {
	Unit     Unit       `json:"unit"`
	Pool     Pool       `json:"pool,omitempty"`
	Rows     int        `json:"rows"`
	Measures []Estimate `json:"measures"`
	Notes    []string   `json:"notes,omitempty"`
}

// unitMeasures lists the measures by which units are compared.
var unitMeasures = []string{"accuracy", "roc_auc", "kappa", "quadratic_kappa"}

// AddUnits adds the main measures by image, by eye and by patient, where patients have several images. a must be that
// of p.
func (a *Assessment) AddUnits(ctx context.Context, p *Predictions, pool Pool, o Intervals) error {
	if a.by() == "" || p.Unit != "" {
		return nil
	}
	for _, u := range []Unit{ByImage, ByEye, ByPatient} {
		if u == ByEye && !p.severalEyes() {
			continue
		}
		rows, notes, err := p.By(u, pool)
		if err != nil {
			return err
		}
		of := a
		if u != ByImage {
			if of, err = Assess(ctx, rows, o); err != nil {
				return err
			}
		}
		x := UnitAssessment{Unit: u, Pool: of.Pool, Rows: of.Rows, Notes: notes}
		for _, name := range unitMeasures {
			if name == "quadratic_kappa" && !p.Ordered {
				continue
			}
			e, _ := Find(of.Measures, name)
			x.Measures = append(x.Measures, e)
		}
		a.Units = append(a.Units, x)
	}
	return nil
}

// severalEyes reports whether eyes are known and differ from both images and patients.
func (p *Predictions) severalEyes() bool {
	if p.Attribute(eyeAttribute) == nil {
		return false
	}
	eyes, _, err := p.units(ByEye)
	if err != nil {
		return false
	}
	patients, _, err := p.units(ByPatient)
	return err == nil && len(patients) < len(eyes) && len(eyes) < len(p.Rows)
}

// writeUnits writes a table of results by unit.
func writeUnits(w io.Writer, units []UnitAssessment) error {
	if len(units) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "results by\tnumber\tprobabilities\t")
	for _, m := range units[0].Measures {
		fmt.Fprintf(t, "%s\t", m.Name)
	}
	fmt.Fprintln(t)
	for _, u := range units {
		fmt.Fprintf(t, "%s\t%d\t%s\t", u.Unit, u.Rows, u.Pool.Words())
		for _, m := range u.Measures {
			fmt.Fprintf(t, "%.4f [%.4f, %.4f]\t", m.Value, m.Low, m.High)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
