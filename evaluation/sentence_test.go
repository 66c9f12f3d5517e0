package evaluation

import (
	"fmt"
	"strings"
	"testing"
)

// graded returns predictions of 40 images of two classes; better ones rank more pairs correctly.
func graded(wrong int) *Predictions {
	p := &Predictions{Classes: []string{"no", "yes"}}
	for i := range 40 {
		label := i % 2
		v := 0.2 + 0.6*float64(label) + float64(i)/1000
		if i < wrong {
			v = 1 - v
		}
		p.Rows = append(p.Rows, Prediction{Path: fmt.Sprintf("%02d.png", i), Label: label, Probabilities: []float64{1 - v, v}})
	}
	return p
}

// A sentence names the better one first, says what was tested, and follows Holm's correction where several pairs are.
func TestSentence(t *testing.T) {
	contenders := []Contender{{Name: "good", Predictions: graded(2)}, {Name: "bad", Predictions: graded(20)},
		{Name: "same", Predictions: graded(2)}}
	c, err := NewContest(t.Context(), contenders, Intervals{Rounds: 20}, true)
	if err != nil || len(c.Pairs) != 3 {
		t.Fatal(c, err)
	}
	for i, want := range []string{"good is better than bad: AUC difference 0.", "No difference between good and same is shown: " +
		"AUC difference 0.000 (0.000 to 0.000)", "same is better than bad: AUC difference 0."} {
		got := c.Pairs[i].Sentence(true)
		if !strings.HasPrefix(got, want) || !strings.Contains(got, ", with Holm's correction p ") ||
			!strings.HasSuffix(got, ", 40 images") || strings.Contains(got, "NaN") {
			t.Errorf("%q, want %q…", got, want)
		}
		if strings.Contains(c.Pairs[i].Sentence(false), "Holm") {
			t.Error("a single pair is corrected")
		}
	}
	// Significant alone, but not among three pairs.
	p := c.Pairs[0]
	p.DeLong = []AUCDifference{{Difference: 0.021, Low: 0.004, High: 0.038, P: 0.02}}
	p.Holm.DeLong = []Number{0.06}
	if got, want := p.Sentence(true), "No difference between good and bad is shown: AUC difference 0.021 (0.004 to 0.038), "+
		"DeLong p = 0.02, with Holm's correction p = 0.06, 40 images"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Holm.DeLong[0] = 0.02
	if got, want := p.Sentence(false), "bad is better than good: AUC difference 0.021 (0.004 to 0.038), DeLong p = 0.02, "+
		"40 images"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// KeepCommon leaves the images that all have, whatever their order, and counts the others.
func TestKeepCommon(t *testing.T) {
	a, b := graded(0), graded(0)
	a.Rows = a.Rows[:30]
	b.Rows = append([]Prediction{b.Rows[35]}, b.Rows[10:30]...)
	contenders := []Contender{{Name: "a", Predictions: a}, {Name: "published"}, {Name: "b", Predictions: b}}
	if left := KeepCommon(contenders); fmt.Sprint(left) != "[10 0 1]" {
		t.Error(left)
	}
	if _, err := NewContest(t.Context(), contenders, Intervals{Rounds: 20}, false); err != nil {
		t.Error(err)
	}
}
