package operating

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"fovea/evaluation"
)

// points.json.gz holds what scikit-learn, statsmodels, scipy and numpy say of 200 random cases; tools/oracle/operating.py
// wrote it.
type oracle struct {
	Prevalence, Level float64
	Cases             []struct {
		Seed, Cut  int
		Model, All []float64
		Rules      map[string]*struct {
			Threshold float64
			Counts    [4]int64
			Measures  map[string][3]float64
		}
	}
}

func readOracle(t *testing.T) *oracle {
	f, err := os.Open("testdata/points.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := gzip.NewReader(f)
	o := &oracle{}
	if err == nil {
		err = json.NewDecoder(in).Decode(o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// drawn returns the predictions of a seed.
func drawn(seed int) *evaluation.Predictions {
	state := uint64(seed)
	word := func(n uint64) int { // splitmix64
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		return int((z ^ z>>31) % n)
	}
	classes := 2 + seed%4
	p := &evaluation.Predictions{Ordered: classes > 2}
	for c := range classes {
		p.Classes = append(p.Classes, fmt.Sprint("grade ", c))
	}
	for range 40 + word(160) {
		label := word(uint64(classes))
		cuts := []int{0}
		for range classes - 1 {
			cuts = append(cuts, word(65))
		}
		slices.Sort(cuts)
		cuts = append(cuts, 64)
		row := make([]float64, classes)
		for c := range row {
			row[c] = float64(cuts[c+1]-cuts[c]) / 64
		}
		if word(3) > 0 {
			top := evaluation.Prediction{Probabilities: row}.Predicted()
			row[label], row[top] = row[top], row[label]
		}
		p.Rows = append(p.Rows, evaluation.Prediction{Label: label, Probabilities: row})
	}
	return p
}

func TestPointsEqualThoseOfScikitLearn(t *testing.T) {
	o := readOracle(t)
	const tolerance = 1e-9
	checked := 0
	for _, c := range o.Cases {
		p := drawn(c.Seed)
		half := len(p.Rows) / 2
		cut := ""
		if len(p.Classes) > 2 {
			cut = p.Classes[c.Cut]
		}
		val, test := *p, *p
		val.Rows, test.Rows = p.Rows[:half], p.Rows[half:]
		for text, want := range c.Rules {
			rule, err := ParseRule(text)
			if err != nil {
				t.Fatal(err)
			}
			points, missed, err := Choose(&val, "val", cut, o.Level, []Rule{rule})
			if err != nil {
				t.Fatal(err)
			}
			if want == nil || len(points) == 0 {
				if want != nil || len(missed) != 1 {
					t.Errorf("case %d, %s: %v, missed %v; want %v", c.Seed, text, points, missed, want)
				}
				continue
			}
			if math.Abs(points[0].Threshold-want.Threshold) > tolerance {
				t.Errorf("case %d, %s: threshold %v, want %v", c.Seed, text, points[0].Threshold, want.Threshold)
			}
			points[0].Prevalence = o.Prevalence
			r, err := points[0].Apply(&test, o.Level)
			if err != nil {
				t.Fatal(err)
			}
			if got := [4]int64{r.TruePositives, r.FalsePositives, r.TrueNegatives, r.FalseNegatives}; got != want.Counts {
				t.Errorf("case %d, %s: counts %v, want %v", c.Seed, text, got, want.Counts)
			}
			for name, x := range want.Measures {
				m, ok := evaluation.Find(r.Measures, name)
				got := [3]float64{float64(m.Value), float64(m.Low), float64(m.High)}
				for i := range x {
					if !ok || math.Abs(got[i]-x[i]) > tolerance*max(1, math.Abs(x[i])) {
						t.Errorf("case %d, %s: %s is %v, want %v", c.Seed, text, name, got, x)
						break
					}
				}
				checked++
			}
		}
		curve, err := NetBenefit(p, cut)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Model {
			k := 5 * i // every fifth is kept
			if math.Abs(curve.Model[k]-c.Model[i]) > tolerance || math.Abs(curve.All[k]-c.All[i]) > tolerance {
				t.Errorf("case %d: net benefit at %v is %v and %v, want %v and %v", c.Seed, curve.Thresholds[k], curve.Model[k],
					curve.All[k], c.Model[i], c.All[i])
				break
			}
		}
	}
	if checked < 5000 {
		t.Errorf("only %d measures were compared", checked)
	}
}
