package evaluation

import (
	"slices"
	"strings"
	"testing"
)

func pairedTables() (a, b *Predictions) {
	a = randomPredictions(3, 200)
	for i := range a.Rows {
		a.Rows[i].Path = string(rune('a'+i%26)) + strings.Repeat("x", i/26)
	}
	// B has the classes and the rows in another order.
	b = &Predictions{Classes: []string{"c", "a", "b"}}
	for i, r := range slices.Backward(a.Rows) {
		q := slices.Clone(r.Probabilities)
		if i%5 == 0 {
			q[0], q[1] = q[1], q[0]
		}
		b.Rows = append(b.Rows, Prediction{Path: r.Path, Label: (r.Label + 1) % 3, Probabilities: []float64{q[2], q[0], q[1]}})
	}
	return a, b
}

func TestComparePaired(t *testing.T) {
	a, b := pairedTables()
	got, err := ComparePaired(t.Context(), a, b, Intervals{Rounds: 200})
	if err != nil {
		t.Fatal(err)
	}
	back, err := ComparePaired(t.Context(), b, a, Intervals{Rounds: 200})
	if err != nil {
		t.Fatal(err)
	}
	if got.McNemar.OnlyA != back.McNemar.OnlyB || got.McNemar.OnlyB != back.McNemar.OnlyA || got.McNemar.P != back.McNemar.P {
		t.Errorf("McNemar %+v and back %+v", got.McNemar, back.McNemar)
	}
	m, _, err := Compute(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range got.Measures {
		if d.Name == "f1" && (float64(d.B) != m.F1 || d.Difference != d.B-d.A || d.Low > d.Difference || d.High < d.Difference) {
			t.Errorf("%+v, F1 of B alone %v", d, m.F1)
		}
	}
	if len(got.DeLong) != 3 || got.DeLong[0].Class != "a" {
		t.Errorf("%+v", got.DeLong)
	}
	same, err := ComparePaired(t.Context(), a, a, Intervals{Rounds: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range same.Measures {
		if d.Difference != 0 || d.Low != 0 || d.High != 0 {
			t.Errorf("against itself: %+v", d)
		}
	}
	if d := same.DeLong[0]; d.Z != 0 || d.P != 1 {
		t.Errorf("against itself: %+v", d)
	}
}

func TestComparePairedRefusesOthers(t *testing.T) {
	a, b := pairedTables()
	b.Rows[0].Label = (b.Rows[0].Label + 1) % 3
	b.Rows[1].Path = "new"
	b.Rows = append(b.Rows, b.Rows[5])
	_, err := ComparePaired(t.Context(), a, b, Intervals{})
	for _, want := range []string{"the images differ: 1 more than once in B (", "1 labelled differently (",
		"1 missing in B (", `1 missing in A ("new")`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	c, d := pairedTables()
	d.Rows[3].Path = ""
	if _, err := ComparePaired(t.Context(), c, d, Intervals{}); err == nil || !strings.Contains(err.Error(), "B has images without a path: a column path (or image,") {
		t.Errorf("no paths: %v", err)
	}
	b.Classes[0] = "d"
	_, err = ComparePaired(t.Context(), a, b, Intervals{})
	if want := `the classes differ: 1 missing in B ("c"); 1 missing in A ("d"); the columns of both tables must have the same names`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
