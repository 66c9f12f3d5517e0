package evaluation

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// ofPatients returns random predictions of patients with so many images each, whose correlation is 0.7 in liability and
// in noise. A score has the AUC of Φ(1.2/√2) = 0.80.
func ofPatients(rng *rand.Rand, patients, images int) *Predictions {
	p := &Predictions{Classes: []string{"no", "yes"}, Attributes: []string{"patient", "eye", "sex"}}
	for k := range patients {
		liability, noise := rng.NormFloat64(), rng.NormFloat64()
		mix := func(shared float64) float64 { return math.Sqrt(0.7)*shared + math.Sqrt(0.3)*rng.NormFloat64() }
		for i := range images {
			r := Prediction{Path: fmt.Sprintf("%d_%d.png", k, i), Attributes: []string{fmt.Sprint("p", k),
				[]string{"OD", "OS"}[i%2], []string{"F", "M"}[k%2]}}
			if mix(liability) > 0 {
				r.Label = 1
			}
			score := 1 / (1 + math.Exp(-1.2*(mix(noise)+1.2*(float64(r.Label)-0.5))))
			r.Probabilities = []float64{1 - score, score}
			p.Rows = append(p.Rows, r)
		}
	}
	return p
}

// With 60 patients, 2 images each and a correlation of 0.7, intervals by patient hold the true value in 93 to 97 %,
// where those by image fall short. tools/coverage has more measures and samples.
func TestCoverageByPatient(t *testing.T) {
	const samples = 1500
	truth := map[string]float64{"accuracy": 0.5 * math.Erfc(-0.6/math.Sqrt2), "auc": 0.5 * math.Erfc(-1.2/2)}
	held := map[string]int{}
	count := func(name string, low, high float64) {
		if v := truth[strings.Fields(name)[0]]; low <= v && v <= high {
			held[name]++
		}
	}
	for i := range samples {
		p := ofPatients(rand.New(rand.NewPCG(1, uint64(i))), 60, 2)
		for _, by := range []string{"patient", "image"} {
			if by == "image" {
				p.Attributes = nil
			}
			s := newSample(p)
			low, high, _ := s.closedForm("accuracy", AUCInterval{}, 0.95)
			count("accuracy "+by, low, high)
			auc := s.placements(1).interval(0.95)
			count("auc "+by, float64(auc.Low), float64(auc.High))
		}
	}
	for name, n := range held {
		share := float64(n) / samples
		t.Logf("%s: %.3f", name, share)
		if byPatient := strings.HasSuffix(name, "patient"); byPatient && (share < 0.93 || share > 0.97) ||
			!byPatient && share > 0.925 {
			t.Errorf("%s: %.3f of the intervals hold the true value", name, share)
		}
	}
}

// One image a patient gives what no patients give.
func TestOneImageAPatient(t *testing.T) {
	p := ofPatients(rand.New(rand.NewPCG(1, 2)), 50, 1)
	q := ofPatients(rand.New(rand.NewPCG(1, 3)), 50, 1)
	for i := range q.Rows {
		q.Rows[i].Label = p.Rows[i].Label
	}
	o := Intervals{Rounds: 50}
	a, err := Assess(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	paired, err := ComparePaired(t.Context(), p, q, o)
	if err != nil {
		t.Fatal(err)
	}
	bare := *p
	bare.Attributes = nil
	b, err := Assess(t.Context(), &bare, o)
	if err != nil {
		t.Fatal(err)
	}
	barePaired, err := ComparePaired(t.Context(), &bare, q, o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Patients != 50 || a.Clustered() {
		t.Errorf("%d patients", a.Patients)
	}
	a.Patients = 0
	if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(paired, barePaired) {
		t.Error("one image a patient changes numbers")
	}

	// The formulas by patient agree with those by image, too.
	s := newSample(p)
	of := s.placements(1)
	plain := of.standardError()
	of.patients = s.patients
	for i, truth := range s.truth {
		if truth == 1 {
			of.positiveOf = append(of.positiveOf, int32(i))
		} else {
			of.negativeOf = append(of.negativeOf, int32(i))
		}
	}
	if got := of.standardError(); math.Abs(got-plain) > 1e-12 {
		t.Errorf("error %v, want DeLong's %v", got, plain)
	}
	gaps := []int{1, 1, -1, 0, 1, 1, -1, 1, 1, 0, 1}
	if got, want := clusteredMcNemar(gaps, 2, 7).ExactP, NewMcNemar(2, 7).ExactP; math.Abs(got-want) > 1e-14 {
		t.Errorf("exact p %v, want %v", got, want)
	}
}

// No cell disappears from a round, whatever patients have of each.
func TestDrawing(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		count, cells := 2+rng.IntN(12), 2+rng.IntN(6)
		p := &Predictions{Attributes: []string{"patient"}}
		var cell []int
		has := make([]bool, cells)
		for k := range count {
			for range 1 + rng.IntN(4) {
				p.Rows = append(p.Rows, Prediction{Attributes: []string{fmt.Sprint(k)}})
				c := min(rng.IntN(cells), rng.IntN(cells))
				cell = append(cell, c)
				has[c] = true
			}
		}
		s := newPatients(p)
		d := newDrawing(s, cell, cells)
		units := 0
		for _, stratum := range d.strata {
			units += len(stratum)
		}
		if want := len(s.rows); s.several() && units != want {
			t.Fatalf("%d of %d patients are drawn", units, want)
		}
		weights := make([]uint16, len(cell))
		for round := range 30 {
			d.draw(weights, 1, round)
			drawn := make([]bool, cells)
			for i, c := range cell {
				drawn[c] = drawn[c] || weights[i] > 0
				if k := s.rows[s.of[i]][0]; weights[i] != weights[k] {
					t.Fatal("images of a patient are drawn apart")
				}
			}
			if !slices.Equal(drawn, has) {
				t.Fatalf("cells %v, drawn %v", has, drawn)
			}
		}
	}
}

// Rows without a patient count for themselves, with a warning.
func TestUnknownPatients(t *testing.T) {
	p := ofPatients(rand.New(rand.NewPCG(1, 2)), 40, 2)
	p.Rows[3].Attributes = []string{" NA ", "OD", "F"}
	p.Rows[7].Attributes = nil
	a, err := Assess(t.Context(), p, Intervals{Rounds: 20})
	if err != nil || a.Patients != 42 || !strings.Contains(strings.Join(a.Warnings, "\n"), "of 2 of 80 images is not known") {
		t.Errorf("%d patients, %q, %v", a.Patients, a.Warnings, err)
	}
	if accuracy, _ := Find(a.Measures, "accuracy"); accuracy.Method != "Wilson by patient" {
		t.Error(accuracy.Method)
	}
	var text bytes.Buffer
	if a.WriteText(&text); !strings.HasPrefix(text.String(), "80 images of 42 patients, 2 classes; intervals by patient of 95 %") {
		t.Errorf("%.200s", &text)
	}
}

func TestUnits(t *testing.T) {
	p := &Predictions{Classes: []string{"a", "b", "c"}, Attributes: []string{"patient", "eye", "sex"}}
	add := func(label int, attributes ...string) {
		p.Rows = append(p.Rows, Prediction{Path: fmt.Sprint(len(p.Rows)), Label: label, Probabilities: []float64{0.5, 0.25, 0.25},
			Attributes: attributes})
	}
	add(0, "1", "OD", "F")
	add(1, "1", "right", "f")
	add(0, "1", "L", "F")
	add(2, "2", "", "M")
	add(2, "2", "", "F")
	add(1, "", "R", "F")
	rows := func(u Unit) (out []string, notes []string) {
		q, notes, err := p.By(u, Mean)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range q.Rows {
			out = append(out, fmt.Sprint(r.Path, " ", p.Classes[r.Label], " ", strings.Join(r.Attributes, ",")))
		}
		return out, notes
	}
	p.Ordered = true
	got, notes := rows(ByEye)
	if want := []string{"1/right b 1,,F", "1/left a 1,L,F", "3 c 2,,M", "4 c 2,,F", "5 b ,R,F"}; !slices.Equal(got, want) ||
		len(notes) != 2 {
		t.Errorf("%q, %q", got, notes)
	}
	if got, _ := rows(ByPatient); !slices.Equal(got, []string{"1 b 1,,F", "2 c 2,,", "5 b ,R,F"}) {
		t.Errorf("%q", got)
	}
	p.Ordered = false
	got, notes = rows(ByPatient)
	if !slices.Equal(got, []string{"2 c 2,,", "5 b ,R,F"}) || !strings.Contains(notes[1], "1 of 3 patients are left out") {
		t.Errorf("%q, %q", got, notes)
	}
	if _, _, err := p.By(ByPatient, NoisyOr); err == nil || !strings.Contains(err.Error(), "noisy-or is for two classes") {
		t.Error(err)
	}
	p.Attributes = nil
	if _, _, err := p.By(ByPatient, Mean); err == nil || !strings.Contains(err.Error(), "a column patient") {
		t.Error(err)
	}
}

func TestSubgroups(t *testing.T) {
	by, err := ParseGroupings([]string{"sex", " age:40:60"})
	if err != nil || (&by).String() != "sex,age:40:60" {
		t.Fatal(by, err)
	}
	for _, bad := range []string{"", ":4", "age:x", "age:40:40", "sex,sex"} {
		var g Groupings
		if g.Set(bad) == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	p := ofPatients(rand.New(rand.NewPCG(1, 2)), 60, 2)
	p.Attributes = append(p.Attributes, "age")
	ages := []string{"39,9", "40", "NA", "75", "60"}
	for i := range p.Rows {
		p.Rows[i].Attributes = append(p.Rows[i].Attributes, ages[i/2%5])
	}
	a, err := Breakdown{By: by}.Assess(t.Context(), p, nil, Intervals{Rounds: 100})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range a.Subgroups[1].Groups {
		names = append(names, fmt.Sprint(g.Name, " ", g.Rows, " ", g.Patients, " ", len(g.Few)))
	}
	if want := []string{"under 40 24 12 5", "40 to under 60 24 12 5", "60 and over 48 24 0", "unknown 24 12 5"}; !slices.Equal(names,
		want) {
		t.Errorf("%q", names)
	}
	for _, e := range a.Subgroups[1].Groups[0].Measures {
		if wilson := strings.HasPrefix(e.Method, WilsonScore); wilson == math.IsNaN(float64(e.Low)) || !wilson && e.Method != "" {
			t.Errorf("a group of 12 patients has %+v", e)
		}
	}
	if len(a.Subgroups[0].Gaps) != 5 || len(a.Subgroups[1].Gaps) != 0 || len(a.Units) != 2 {
		t.Errorf("%d and %d gaps, %d units", len(a.Subgroups[0].Gaps), len(a.Subgroups[1].Gaps), len(a.Units))
	}
	// A gap of a fraction has a width even where neither group errs.
	for i := range p.Rows {
		p.Rows[i].Probabilities = []float64{float64(1 - p.Rows[i].Label), float64(p.Rows[i].Label)}
	}
	s, err := newSubgroups(t.Context(), p, by[0], Intervals{Rounds: 40, Level: 0.95, Workers: 1})
	if err != nil || s.Gaps[0].Method != SquareAndAdd || !(s.Gaps[0].Low < -0.05 && s.Gaps[0].High > 0.05) {
		t.Errorf("%+v, %v", s.Gaps, err)
	}
	for by, want := range map[string]string{"camera": "what is known is", "patient": "60 different values",
		"eye:3": `"OD" is not a number`} {
		groupings, err := ParseGroupings([]string{by})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.AddSubgroups(t.Context(), p, groupings, Intervals{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", by, err)
		}
	}
}

// A comparison is by patient if either side knows them.
func TestComparePatients(t *testing.T) {
	a := ofPatients(rand.New(rand.NewPCG(1, 2)), 40, 2)
	b := ofPatients(rand.New(rand.NewPCG(1, 2)), 40, 2)
	for i := range b.Rows {
		if i%3 == 0 {
			slices.Reverse(b.Rows[i].Probabilities)
		}
	}
	bare := *a
	bare.Attributes = nil
	c, err := NewContest(t.Context(), []Contender{{Name: "A", Predictions: &bare}, {Name: "B", Predictions: b}},
		Intervals{Rounds: 20}, false)
	if err != nil || c.Pairs[0].Patients != 40 || c.Contenders[0].Assessment.Patients != 40 {
		t.Fatalf("%+v, %v", c, err)
	}
	var text bytes.Buffer
	if c.WriteText(&text); !strings.Contains(text.String(), "80 images of 40 patients; intervals by patient") ||
		!strings.Contains(text.String(), "McNemar's test by patient") {
		t.Error(&text)
	}
}

// Tests by patient find a difference where there is none in about 5 % of samples, and tests by image more often.
func TestSizeByPatient(t *testing.T) {
	const samples = 1500
	found := map[string]int{}
	for i := range samples {
		rng := rand.New(rand.NewPCG(2, uint64(i)))
		a, b := ofPatients(rng, 60, 4), ofPatients(rng, 60, 4)
		for k := range b.Rows { // another classifier's view of the same images: noise is exchanged, labels are not
			r, label := &b.Rows[k], float64(a.Rows[k].Label)
			logit := math.Log(r.Probabilities[1]/r.Probabilities[0]) + 1.44*(label-float64(r.Label))
			r.Label = a.Rows[k].Label
			r.Probabilities[1] = 1 / (1 + math.Exp(-logit))
			r.Probabilities[0] = 1 - r.Probabilities[1]
		}
		for _, by := range []string{"patient", "image"} {
			if by == "image" {
				a.Attributes = nil
			}
			x, y := newSample(a), newSample(b)
			m := newMcNemar(x, y)
			y.patients = x.patients
			for name, p := range map[string]float64{"exact": m.ExactP, "chi-square": m.P,
				"DeLong": float64(aucDifference("yes", x.placements(1), y.placements(1), 0.95).P)} {
				if p < 0.05 {
					found[name+" by "+by]++
				}
			}
		}
	}
	for name, n := range found {
		share := float64(n) / samples
		t.Logf("%s: %.3f", name, share)
		if byPatient := strings.HasSuffix(name, "patient"); byPatient && share > 0.066 || !byPatient && share < 0.08 {
			t.Errorf("%s: a difference in %.3f of the samples", name, share)
		}
	}
}
