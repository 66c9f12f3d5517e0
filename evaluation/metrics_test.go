package evaluation

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// randomPredictions knows a little: the true class tends to score higher.
func randomPredictions(classes, rows int) *Predictions {
	rng := rand.New(rand.NewPCG(1, 2))
	p := &Predictions{}
	for c := range classes {
		p.Classes = append(p.Classes, string(rune('a'+c)))
	}
	for range rows {
		r := Prediction{Path: "x.png", Label: rng.IntN(classes), Probabilities: make([]float64, classes)}
		var sum float64
		for c := range r.Probabilities {
			r.Probabilities[c] = rng.ExpFloat64()
			if c == r.Label {
				r.Probabilities[c] *= 2
			}
			sum += r.Probabilities[c]
		}
		for c := range r.Probabilities {
			r.Probabilities[c] = float64(float32(r.Probabilities[c] / sum))
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

func TestWarnings(t *testing.T) {
	rows := func(labels ...int) *Predictions {
		p := &Predictions{Classes: []string{"normal", "dme", "cnv"}}
		for _, l := range labels {
			p.Rows = append(p.Rows, Prediction{Path: "x.png", Label: l, Probabilities: []float64{0.5, 0.25, 0.25}})
		}
		return p
	}
	unnormalised := rows(0, 1, 2)
	unnormalised.Rows[1].Probabilities = []float64{0.9, 0.9, 0}
	absent := func(class string) []string {
		return []string{
			`class "` + class + `": roc_auc: no sample is of this class, so it is left out of the mean`,
			`class "` + class + `": average_precision, precision, recall, f1, jaccard: ` +
				`no sample is of this class, so it counts as 0 in the mean`,
		}
	}
	cases := []struct {
		name string
		p    *Predictions
		want []string
	}{
		{"all present", rows(0, 1, 2), nil},
		{"one absent", rows(0, 1), absent("cnv")},
		{"one class", rows(0), append(append([]string{
			`class "normal": roc_auc: every sample is of this class, so it is left out of the mean`},
			append(absent("dme"), absent("cnv")...)...),
			"roc_auc, score: all samples are of one class, so no class has an AUC; set to 0.5",
			"kappa, quadratic_kappa, score: all samples are of one class and predicted as it, so kappa is 0/0; set to 0")},
		{"sums", unnormalised, []string{"val_loss: the probabilities of 1 of 3 rows do not sum to 1, " +
			"first row 2 (x.png) with sum 1.8; they are used as they are"}},
	}
	for _, c := range cases {
		_, warnings, err := Compute(c.p)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		for _, w := range warnings {
			got = append(got, w.String())
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	cases := []struct {
		name   string
		change func(p *Predictions)
		want   string
	}{
		{"no rows", func(p *Predictions) { p.Rows = nil }, "no predictions"},
		{"one class", func(p *Predictions) { p.Classes = p.Classes[:1] }, "1 classes"},
		{"same name", func(p *Predictions) { p.Classes[2] = "a" }, `classes 0 and 2 have the same name "a"`},
		{"no name", func(p *Predictions) { p.Classes[1] = "" }, "class 1 has no name"},
		{"label", func(p *Predictions) { p.Rows[1].Label = 3 }, "row 2 (x.png): label 3 is not one of the 3 classes"},
		{"negative label", func(p *Predictions) { p.Rows[0].Label = -1 }, "row 1 (x.png): label -1"},
		{"short", func(p *Predictions) { p.Rows[3].Probabilities = []float64{0, 1} },
			"row 4 (x.png): 2 probabilities for 3 classes"},
		{"nan", func(p *Predictions) { p.Rows[2].Probabilities[1] = math.NaN() },
			`row 3 (x.png): class "b": probability NaN is not finite`},
		{"inf", func(p *Predictions) { p.Rows[2].Probabilities[0] = math.Inf(1) },
			`row 3 (x.png): class "a": probability +Inf is not finite`},
		{"logit", func(p *Predictions) { p.Rows[0].Probabilities[0] = 2.5 },
			"2.5 is not a probability: if these are logits"},
		{"negative", func(p *Predictions) { p.Rows[0].Probabilities[0] = -0.1; p.Rows[0].Path = "" },
			`row 1: class "a": -0.1 is not`},
	}
	for _, c := range cases {
		p := randomPredictions(3, 5)
		c.change(p)
		_, _, err := Compute(p)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if _, err2 := PerClass(p); err2 == nil || err2.Error() != err.Error() {
			t.Errorf("%s: PerClass: error %v, want %v", c.name, err2, err)
		}
	}
}

func TestPredictedTakesLowestOfTies(t *testing.T) {
	for _, c := range []struct {
		probabilities []float64
		want          int
	}{
		{[]float64{0.2, 0.4, 0.4}, 1},
		{[]float64{0, 0, 0}, 0},
		{[]float64{0.1, 0.2, 0.7}, 2},
	} {
		if got := (Prediction{Probabilities: c.probabilities}).Predicted(); got != c.want {
			t.Errorf("%v: predicted %d, want %d", c.probabilities, got, c.want)
		}
	}
}

func BenchmarkCompute(b *testing.B) {
	p := randomPredictions(5, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Compute(p); err != nil {
			b.Fatal(err)
		}
	}
}
