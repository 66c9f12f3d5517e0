package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"fovea/graphs/graphtest"
)

// drawnPredictions is a case of tools/oracle/measures.py.
func drawnPredictions(number int) *Predictions {
	word, kind := graphtest.Words(fmt.Sprintf("measures.%d", number)), number%8
	classes := []int{2, 2, 3, 4, 5, 8}[word(0)%6]
	if number%4 == 0 {
		classes = 2 + int(word(0)%39)
	}
	base := uint64(1) << (word(1) % 13)
	n := int(min(5000, base+(word(1)>>32)%base))
	top := []uint64{3, 255, 7, 1<<32 - 1, 1, 255, 15, 255}[kind]
	p := &Predictions{}
	for c := range classes {
		p.Classes = append(p.Classes, fmt.Sprintf("class %d", c))
	}
	weights := make([]float64, n*classes)
	for i := range n {
		label := int(word(10+i) % (1 << 20) % uint64(classes))
		switch {
		case kind == 1:
			label %= max(1, classes/2)
		case kind == 2 && label == classes/2:
			label = 0
		case kind == 7 && number%32 == 7 && i > 0:
			label = p.Rows[0].Label
		}
		row := weights[i*classes : (i+1)*classes]
		for c := range row {
			row[c] = float64(word(10000+i*classes+c) % (top + 1))
		}
		if kind == 0 || kind == 1 || kind == 3 || kind == 6 {
			row[label] += float64(word(5010+i) % (top + 2))
		}
		if kind == 4 && number%16 == 4 {
			clear(row)
			row[label] = 1
		}
		if kind == 5 && number%16 == 5 {
			copy(row, weights[:classes])
		}
		p.Rows = append(p.Rows, Prediction{Path: fmt.Sprintf("%d.png", i), Label: label, Probabilities: row})
		if kind == 7 {
			row[p.Rows[0].Label] += 300
		}
	}
	for _, r := range p.Rows {
		var sum float64
		for _, v := range r.Probabilities {
			sum += v
		}
		if sum == 0 {
			r.Probabilities[0], sum = 1, 1
		}
		for c := range r.Probabilities {
			r.Probabilities[c] /= sum
		}
	}
	return p
}

type goldenMeasures struct {
	MadeWith     string `json:"made_with"`
	Cases        int
	Binary, Many []string
	values       []float64
}

func readGoldenMeasures(t *testing.T) goldenMeasures {
	t.Helper()
	head, planes, _ := bytes.Cut(graphtest.Unzip(t, "testdata/measures.bin.gz"), []byte("\n"))
	var g goldenMeasures
	if err := json.Unmarshal(head, &g); err != nil {
		t.Fatal(err)
	}
	g.values = make([]float64, len(planes)/7)
	for i := range g.values {
		var bits uint64
		for k := range 7 {
			bits = bits<<8 | uint64(planes[k*len(g.values)+i])
		}
		g.values[i] = math.Float64frombits(bits << 8)
	}
	return g
}

// undefinedMeasures is what we say where scikit-learn says NaN.
func undefinedMeasure(name string) float64 {
	switch name {
	case "kappa", "linear_kappa", "quadratic_kappa":
		return 0
	case "sensitivity_at_specificity_0.90", "sensitivity_at_specificity_0.90_positive":
		return 1 - specificityLevels[1]
	case "sensitivity_at_specificity_0.95", "sensitivity_at_specificity_0.95_positive":
		return 1 - specificityLevels[0]
	}
	return 0.5 // an AUC
}

func TestMeasuresEqualScikitLearn(t *testing.T) {
	g := readGoldenMeasures(t)
	t.Logf("%d cases made with %s", g.Cases, g.MadeWith)
	next, worst := 0, 0.0
	for number := range g.Cases {
		p := drawnPredictions(number)
		s := newSample(p)
		s.pool(p)
		got := make([]float64, s.width())
		s.measure(s.ones(), s.newTally(), got)
		names := g.Many
		if len(p.Classes) == 2 {
			names = g.Binary
		}
		ours := measureNames(len(p.Classes))
		for _, name := range names {
			want := g.values[next]
			next++
			k := slices.Index(ours, name)
			if k < 0 {
				t.Fatalf("no measure %s", name)
			}
			if math.IsNaN(want) {
				if got[k] != undefinedMeasure(name) {
					t.Errorf("case %d: undefined %s is %v", number, name, got[k])
				}
				continue
			}
			if !closeTo(got[k], want) {
				t.Errorf("case %d (%d×%d): %s = %v, scikit-learn %v", number, len(p.Rows), len(p.Classes), name, got[k], want)
			}
			worst = max(worst, math.Abs(got[k]-want)/max(math.Abs(want), 1))
		}
	}
	if next != len(g.values) {
		t.Errorf("%d results read of %d", next, len(g.values))
	}
	t.Logf("%d results, largest difference %.2g", next, worst)
}
