package evaluation

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"fovea/graphs/graphtest"
)

// goldenCase is one case of tools/oracle/metrics.py. A nil number is one that
// scikit-learn leaves undefined (NaN).
type goldenCase struct {
	Labels    []int                 `json:"labels"`
	Weights   [][]float64           `json:"weights"`
	PerClass  map[string][]*float64 `json:"per_class"`
	Confusion []int                 `json:"confusion"` // the row of the lowest label
	Metrics   map[string]*float64   `json:"metrics"`
}

func (g goldenCase) predictions() *Predictions {
	p := &Predictions{}
	for c := range g.Weights[0] {
		p.Classes = append(p.Classes, fmt.Sprintf("class %d", c))
	}
	for i, weights := range g.Weights {
		var sum float64
		for _, w := range weights {
			sum += w
		}
		r := Prediction{Path: fmt.Sprintf("%d.png", i), Label: g.Labels[i]}
		for _, w := range weights {
			r.Probabilities = append(r.Probabilities, w/sum)
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

func goldenCases(t *testing.T) []goldenCase {
	t.Helper()
	var file struct {
		MadeWith string       `json:"made_with"`
		Cases    []goldenCase `json:"cases"`
	}
	graphtest.ReadGolden(t, "testdata/metrics.json.gz", &file)
	t.Logf("%d cases made with %s", len(file.Cases), file.MadeWith)
	return file.Cases
}

// closeTo allows 1e-12 of the value, and eight rounding errors of 1 for values
// that scikit-learn gets as a difference of numbers near 1.
func closeTo(got, want float64) bool {
	return math.Abs(got-want) <= 1e-12*math.Abs(want)+8*0x1p-52
}

// undefined is what we say where scikit-learn says NaN.
var undefined = map[string]float64{"roc_auc": 0.5, "kappa": 0, "quadratic_kappa": 0}

func TestMetricsEqualScikitLearn(t *testing.T) {
	var worst float64
	for i, g := range goldenCases(t) {
		p := g.predictions()
		m, warnings, err := Compute(p)
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		got := map[string]float64{}
		for name, v := range m.All() {
			got[name] = v
		}
		for name, want := range g.Metrics {
			v, ok := got[name]
			if !ok {
				t.Fatalf("case %d: no metric %s", i, name)
			}
			if want == nil {
				if v != undefined[name] {
					t.Errorf("case %d: undefined %s is %v, want %v", i, name, v, undefined[name])
				}
				if !slices.ContainsFunc(warnings, func(w Warning) bool { return slices.Contains(w.Metrics, name) }) {
					t.Errorf("case %d: undefined %s without a warning", i, name)
				}
				continue
			}
			if !closeTo(v, *want) {
				t.Errorf("case %d: %s = %v, scikit-learn %v", i, name, v, *want)
			}
			worst = max(worst, math.Abs(v-*want)/max(math.Abs(*want), 1))
		}
		if want := (m.F1 + m.ROCAUC + m.Kappa) / 3; m.Score != want {
			t.Errorf("case %d: score = %v, want %v", i, m.Score, want)
		}
		if got := ConfusionMatrix(p)[slices.Min(g.Labels)]; !slices.Equal(got, g.Confusion) {
			t.Errorf("case %d: confusion row %v, scikit-learn %v", i, got, g.Confusion)
		}
	}
	t.Logf("largest difference %.2g", worst)
}

func TestPerClassEqualsScikitLearn(t *testing.T) {
	for i, g := range goldenCases(t) {
		classes, err := PerClass(g.predictions())
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		for c, k := range classes {
			for name, got := range map[string]float64{
				"support": float64(k.Support), "precision": k.Precision, "recall": k.Recall, "f1": k.F1,
				"jaccard": k.Jaccard, "roc_auc": k.ROCAUC, "average_precision": k.AveragePrecision,
			} {
				want := g.PerClass[name][c]
				if want == nil {
					if !math.IsNaN(got) {
						t.Errorf("case %d: class %d: %s = %v, want NaN", i, c, name, got)
					}
				} else if !closeTo(got, *want) {
					t.Errorf("case %d: class %d: %s = %v, scikit-learn %v", i, c, name, got, *want)
				}
			}
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
