package evaluation

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"

	"fovea/internal/graphtest"
)

var measuresFile = flag.String("measures", "testdata/measures.bin.gz", "what tools/oracle/measures.py wrote")

// drawnPredictions is a case of tools/oracle/measures.py.
func drawnPredictions(seed, number int) *Predictions {
	word, kind := graphtest.Words(fmt.Sprintf("measures.%d.%d", seed, number)), number%8
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
	MadeWith            string `json:"made_with"`
	Seed, Cases         int
	Binary, Many, Class []string
	values              []float64
}

func readGoldenMeasures(t *testing.T) goldenMeasures {
	t.Helper()
	head, planes, _ := bytes.Cut(graphtest.Unzip(t, *measuresFile), []byte("\n"))
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

// undefinedMeasure returns the value of a measure for which scikit-learn has NaN.
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
	if testing.Short() {
		t.Skip("computes 2,000 cases")
	}
	g := readGoldenMeasures(t)
	t.Logf("%d cases of seed %d made with %s", g.Cases, g.Seed, g.MadeWith)
	// These follow from others: score is a mean, and the rest equal the accuracy.
	derived := []string{"score", "precision_micro", "recall_micro", "f1_micro", "recall_weighted"}
	for classes, compared := range map[int][]string{2: g.Binary, 3: g.Many} {
		for _, name := range measureNames(classes) {
			if !slices.Contains(compared, name) && !slices.Contains(derived, name) {
				t.Errorf("%s is not compared: add it to tools/oracle/measures.py and run that", name)
			}
		}
	}
	read, undefined, worst := 0, 0, 0.0
	for number := range g.Cases {
		p := drawnPredictions(g.Seed, number)
		s := newSample(p)
		s.pool(p)
		tally, got := s.whole()
		compare := func(name string, got, undefinedIs float64) {
			want := g.values[read]
			read++
			if math.IsNaN(want) {
				undefined++
				if got != undefinedIs && !(math.IsNaN(got) && math.IsNaN(undefinedIs)) {
					t.Errorf("case %d: undefined %s is %v", number, name, got)
				}
				return
			}
			if got == want {
				return
			}
			off := math.Abs(got/want - 1)
			worst = max(worst, off)
			if !(off <= 1e-12) {
				t.Errorf("case %d (%d×%d): %s = %v, scikit-learn %v", number, len(p.Rows), len(p.Classes), name, got, want)
			}
		}
		names := g.Many
		if len(p.Classes) == 2 {
			names = g.Binary
		}
		ours := measureNames(len(p.Classes))
		for _, name := range names {
			k := slices.Index(ours, name)
			if k < 0 {
				t.Fatalf("no measure %s", name)
			}
			compare(name, got[k], undefinedMeasure(name))
		}
		for _, name := range g.Class {
			k := slices.Index(classMeasures, name)
			for c, class := range p.Classes {
				compare(name+" of "+class, got[len(ours)+c*len(classMeasures)+k], math.NaN())
			}
		}
		for c, v := range tally.counts[p.Rows[0].Label] {
			compare("images taken for "+p.Classes[c], float64(v), 0)
		}
	}
	if read != len(g.values) {
		t.Errorf("%d results read of %d", read, len(g.values))
	}
	t.Logf("%d results, %d of them undefined, largest relative difference %.2g", read, undefined, worst)
}

// What stands in for an undefined metric comes with a warning; classes and columns carry the measures under their
// names.
func TestComputeIsTheSample(t *testing.T) {
	for number := range 64 {
		p := drawnPredictions(0, number)
		_, values := newSample(p).whole()
		m, warnings, err := Compute(p)
		if err != nil {
			t.Fatal(err)
		}
		warned := func(metric string) bool {
			return slices.ContainsFunc(warnings, func(w Warning) bool { return slices.Contains(w.Metrics, metric) })
		}
		next := 0
		for name, v := range m.All() {
			if v != values[next] || name != measureNames(3)[next] {
				t.Errorf("case %d: %s is %v, want %v", number, name, v, values[next])
			}
			next++
		}
		if m.Score != (m.F1+m.ROCAUC+m.Kappa)/3 {
			t.Errorf("case %d: score %v", number, m.Score)
		}
		classes, err := PerClass(p)
		if err != nil {
			t.Fatal(err)
		}
		undefined := 0
		for c, k := range classes {
			got := map[string]float64{"precision": k.Precision, "recall": k.Recall, "f1": k.F1, "jaccard": k.Jaccard,
				"roc_auc": k.ROCAUC, "average_precision": k.AveragePrecision}
			for i, name := range classMeasures {
				want := values[len(measureNames(len(classes)))+c*len(classMeasures)+i]
				if v, ok := got[name]; ok && v != want && !(math.IsNaN(v) && math.IsNaN(want)) {
					t.Errorf("case %d: %s of %s is %v, want %v", number, name, k.Class, v, want)
				}
			}
			if math.IsNaN(k.ROCAUC) {
				undefined++
			}
		}
		if undefined > 0 && !warned("roc_auc") || undefined == len(classes) && !warned("score") {
			t.Errorf("case %d: %d classes without an AUC, warnings %v", number, undefined, warnings)
		}
	}
}
