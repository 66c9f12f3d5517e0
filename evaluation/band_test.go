package evaluation

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"fovea/internal/graphtest"
)

type goldenBands struct {
	MadeWith string `json:"made_with"`
	Rounds   int
	Cases    []struct {
		Case             int
		Value, Low, High [][]float64 // of ROC and precision-recall curve of each band in turn
	}
}

// TestBandsEqualScikitLearn holds the bands of the same resamples to those of tools/oracle/bands.py.
func TestBandsEqualScikitLearn(t *testing.T) {
	var g goldenBands
	if err := json.Unmarshal(graphtest.Unzip(t, "testdata/bands.json.gz"), &g); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d cases made with %s", len(g.Cases), g.MadeWith)
	worst := 0.0
	for _, want := range g.Cases {
		p := drawnPredictions(0, want.Case)
		s := newSample(p)
		s.pool(p)
		names := bandNames(p.Classes)
		s.bands = len(names)
		tally, values, measured := s.newTally(), make([]float64, s.width()), make([]float64, s.width())
		s.measure(s.ones(), tally, values)
		all := newReplicates(len(values), g.Rounds)
		word := graphtest.Words(fmt.Sprintf("bands.%d", want.Case))
		for round := range g.Rounds {
			weights, at := make([]uint16, len(p.Rows)), round*len(p.Rows)
			for _, rows := range s.byClass {
				for range rows {
					weights[rows[word(at)%uint64(len(rows))]]++
					at++
				}
			}
			s.measure(weights, tally, measured)
			for k, v := range measured {
				all[k][round] = v
			}
		}
		for which := range 2 {
			for i, b := range all.bands(names, values, s.measures(), which, 0.95) {
				for k := range want.Value[0] {
					const every = 10
					for _, x := range [][2]float64{{b.Y[every*k], want.Value[2*i+which][k]}, {b.Low[every*k], want.Low[2*i+which][k]},
						{b.High[every*k], want.High[2*i+which][k]}} {
						worst = max(worst, math.Abs(x[0]-x[1]))
						if !closeTo(x[0], x[1]) {
							t.Fatalf("case %d, %d×%d: curve %d of %s at %v: %v, scikit-learn %v", want.Case, len(p.Rows), len(p.Classes),
								which, b.Name, b.X[every*k], x[0], x[1])
						}
					}
				}
			}
		}
	}
	t.Logf("largest difference %.2g", worst)
}

// closeTo allows 1e-12 of the value, and eight rounding errors of 1: heights between the corners of a curve are
// interpolated.
func closeTo(got, want float64) bool {
	return math.Abs(got-want) <= 1e-12*math.Abs(want)+8*0x1p-52
}

// TestBandsCoverTheTruth: scores of two normal distributions, one apart, have the ROC curve Φ(1 + Φ⁻¹(x)). Of many
// samples' bands nearly 95 % hold it at a point.
func TestBandsCoverTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates hundreds of samples")
	}
	const samples, each, apart = 400, 80, 1.0
	covered := map[int]int{20: 0, 60: 0, 100: 0} // points of the grid: x = 0.1, 0.3, 0.5
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range samples {
		p := &Predictions{Classes: []string{"healthy", "ill"}}
		for k := range 2 * each {
			label := k % 2
			ill := distuv.UnitNormal.CDF(rng.NormFloat64() + apart*float64(label)) // in [0, 1], in the same order
			p.Rows = append(p.Rows, Prediction{Label: label, Probabilities: []float64{1 - ill, ill}})
		}
		a, err := Assess(t.Context(), p, Intervals{Rounds: 200, Seed: uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
		b := a.ROC[0]
		for at := range covered {
			truth := distuv.UnitNormal.CDF(apart + distuv.UnitNormal.Quantile(b.X[at]))
			if b.Low[at] <= truth && truth <= b.High[at] {
				covered[at]++
			}
		}
	}
	for at, n := range covered {
		share := float64(n) / samples
		t.Logf("x = %v: %.1f %%", float64(at)/bandSteps, 100*share)
		if share < 0.91 || share > 0.99 { // three standard errors of 400 samples are 3.3 points
			t.Errorf("at x = %v the band holds the truth in %.1f %% of the samples", float64(at)/bandSteps, 100*share)
		}
	}
}

// TestBandsAgreeWithAreas: the mean height of a curve is about its area.
func TestBandsAgreeWithAreas(t *testing.T) {
	for _, classes := range []int{2, 3, 7} {
		p := randomPredictions(classes+1, 1500)
		p.Classes = p.Classes[:classes+1]
		for i := range p.Rows { // the last class has no images
			if p.Rows[i].Label == classes {
				p.Rows[i].Label = 0
			}
		}
		if classes == 2 {
			p = randomPredictions(2, 1500)
		}
		a, err := Assess(t.Context(), p, Intervals{Rounds: 20})
		if err != nil {
			t.Fatal(err)
		}
		measure := map[string][2]string{"b": {"roc_auc", "average_precision_positive"},
			"macro average": {"roc_auc", "average_precision"}, "micro average": {"roc_auc_micro", "average_precision_micro"}}
		for which, bands := range [][]Band{a.ROC, a.PrecisionRecall} {
			if len(bands) != len(bandNames(p.Classes)) {
				t.Fatalf("%d bands", len(bands))
			}
			for _, b := range bands {
				mean := 0.0
				for k := range bandSteps {
					mean += (b.Y[k] + b.Y[k+1]) / 2 / bandSteps
				}
				want := float64(find(t, a.Measures, measure[b.Name][which]).Value)
				if math.Abs(mean-want) > 0.004 {
					t.Errorf("%d classes: %s: mean height %.4f, %s %.4f", classes, b.Name, mean, measure[b.Name][which], want)
				}
				if b.X[0] != 0 || b.X[bandSteps] != 1 || slices.ContainsFunc(b.Low, math.IsNaN) {
					t.Errorf("%s: %v", b.Name, b.Low)
				}
			}
		}
	}
	p := randomPredictions(3, 5)
	for i := range p.Rows {
		p.Rows[i].Label = 1
	}
	if a, err := Assess(t.Context(), p, Intervals{Rounds: 20}); err != nil || a.ROC != nil || a.PrecisionRecall != nil {
		t.Errorf("one class has curves: %v", err)
	}
}
