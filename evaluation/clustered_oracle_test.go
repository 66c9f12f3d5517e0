package evaluation

import (
	"flag"
	"fmt"
	"math"
	"testing"

	"fovea/internal/graphtest"
)

var clusteredFile = flag.String("clustered", "testdata/clustered.json.gz", "what tools/oracle/clustered.py wrote")

// TestClusteredOracle holds what is computed by patient to tools/oracle/clustered.py.
func TestClusteredOracle(t *testing.T) {
	var golden struct {
		Cases []struct {
			Patients, Labels, Sex, A, B []int
			AUC                         [2]float64
			StdErr                      [2]float64 `json:"std_err"`
			DifferenceErr               float64    `json:"difference_err"`
			McNemar                     struct {
				ChiSquare float64 `json:"chi_square"`
				P         float64
				ExactP    *float64 `json:"exact_p"`
			}
			Accuracy, Sensitivity [2]float64
			Groups                map[string]map[string]*float64
		}
		Pools []struct {
			Rows         [][]float64
			Mean, Max    []float64
			NoisyOr      []float64 `json:"noisy_or"`
			MaxUnordered []float64 `json:"max_unordered"`
		}
	}
	graphtest.ReadGolden(t, *clusteredFile, &golden)
	if len(golden.Cases) < 40 || len(golden.Pools) < 9 {
		t.Fatal(len(golden.Cases), len(golden.Pools))
	}
	same := func(name string, i int, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-9*math.Abs(want)+1e-14) {
			t.Errorf("case %d: %s = %v, want %v", i, name, got, want)
		}
	}
	exact := 0
	for i, g := range golden.Cases {
		table := func(scores []int) *Predictions {
			p := &Predictions{Classes: []string{"no", "yes"}, Attributes: []string{"patient", "sex"}}
			for k, v := range scores {
				q := float64(v) / 64
				p.Rows = append(p.Rows, Prediction{Path: fmt.Sprint(k), Label: g.Labels[k], Probabilities: []float64{1 - q, q},
					Attributes: []string{fmt.Sprint(g.Patients[k]), "ABC"[g.Sex[k] : g.Sex[k]+1]}})
			}
			return p
		}
		a, b := newSample(table(g.A)), newSample(table(g.B))
		x, y := a.placements(1), b.placements(1)
		same("AUC", i, x.auc(), g.AUC[0])
		same("error of A", i, x.standardError(), g.StdErr[0])
		same("error of B", i, y.standardError(), g.StdErr[1])
		same("error of the difference", i, y.less(x).standardError(), g.DifferenceErr)
		m := newMcNemar(a, b)
		if a.patients.several() {
			same("chi-square", i, m.ChiSquare, g.McNemar.ChiSquare)
			same("its p", i, m.P, g.McNemar.P)
			if g.McNemar.ExactP != nil {
				exact++
				same("exact p", i, m.ExactP, *g.McNemar.ExactP)
			}
		}
		low, high, _ := a.closedForm("accuracy", AUCInterval{}, 0.95)
		same("accuracy from", i, low, g.Accuracy[0])
		same("accuracy to", i, high, g.Accuracy[1])
		low, high, _ = a.closedForm("recall_positive", AUCInterval{}, 0.95)
		same("sensitivity from", i, low, g.Sensitivity[0])
		same("sensitivity to", i, high, g.Sensitivity[1])

		s, err := newSubgroups(t.Context(), table(g.A), Grouping{Attribute: "sex"}, Intervals{Rounds: 40, Level: 0.95, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		most, least := map[string]float64{}, map[string]float64{}
		for _, group := range s.Groups {
			want := g.Groups[group.Name]
			if float64(group.Rows) != *want["rows"] || float64(group.Patients) != *want["patients"] {
				t.Errorf("case %d: %+v", i, group)
			}
			for _, e := range group.Measures {
				if want[e.Name] == nil {
					if !math.IsNaN(float64(e.Value)) {
						t.Errorf("case %d: %s of %s = %v, want none", i, e.Name, group.Name, e.Value)
					}
					continue
				}
				same(e.Name, i, float64(e.Value), *want[e.Name])
				if !group.IsFew(e.Name) {
					v, seen := most[e.Name]
					if most[e.Name] = *want[e.Name]; seen {
						most[e.Name] = max(v, *want[e.Name])
					}
					v, seen = least[e.Name]
					if least[e.Name] = *want[e.Name]; seen {
						least[e.Name] = min(v, *want[e.Name])
					}
				}
			}
		}
		for _, gap := range s.Gaps {
			same("gap of "+gap.Measure, i, float64(gap.Difference), most[gap.Measure]-least[gap.Measure])
			if gap.Low > gap.Difference || gap.High < gap.Difference {
				t.Errorf("case %d: gap %+v", i, gap)
			}
		}
	}
	if exact < 15 {
		t.Errorf("%d exact tests", exact)
	}
	for i, g := range golden.Pools {
		p := &Predictions{Ordered: true, Attributes: []string{"patient"}}
		for k, row := range g.Rows {
			p.Rows = append(p.Rows, Prediction{Path: fmt.Sprint(k), Probabilities: row, Attributes: []string{"x"}})
		}
		for c := range g.Rows[0] {
			p.Classes = append(p.Classes, fmt.Sprint(c))
		}
		check := func(pool Pool, want []float64) {
			got, _, err := p.By(ByPatient, pool)
			if err != nil || len(got.Rows) != 1 {
				t.Fatal(got, err)
			}
			for c, v := range got.Rows[0].Probabilities {
				same(string(pool), i, v, want[c])
			}
		}
		check(Mean, g.Mean)
		check(Maximum, g.Max)
		check(NoisyOr, g.NoisyOr)
		if p.Ordered = false; len(p.Classes) > 2 {
			check(Maximum, g.MaxUnordered)
		}
	}
}
