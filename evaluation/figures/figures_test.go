package figures

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fovea/evaluation"
)

// random are predictions that know something, with ties.
func random(classes, rows int) *evaluation.Predictions {
	r := rand.New(rand.NewPCG(uint64(classes), uint64(rows)))
	p := &evaluation.Predictions{}
	for k := range classes {
		p.Classes = append(p.Classes, fmt.Sprintf("class %d", k))
	}
	for range rows {
		row := evaluation.Prediction{Label: r.IntN(classes), Probabilities: make([]float64, classes)}
		sum := 0.0
		for k := range row.Probabilities {
			row.Probabilities[k] = float64(1 + r.IntN(20))
			if k == row.Label {
				row.Probabilities[k] += float64(classes)
			}
			sum += row.Probabilities[k]
		}
		for k := range row.Probabilities {
			row.Probabilities[k] /= sum
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// TestCurvesHaveTheirArea integrates the corners: the areas come from package evaluation, which agrees with
// scikit-learn.
func TestCurvesHaveTheirArea(t *testing.T) {
	for _, classes := range []int{2, 5} {
		p := random(classes, 300)
		roc, precision, err := Curves(p)
		if err != nil {
			t.Fatal(err)
		}
		want := classes
		if classes == 2 {
			want = 1
		}
		if len(roc) != want || len(precision) != want {
			t.Errorf("%d classes: %d and %d curves", classes, len(roc), len(precision))
		}
		for _, c := range slices.Concat(roc, precision) {
			area := 0.0
			for i := 1; i < len(c.X); i++ {
				area += (c.X[i] - c.X[i-1]) * (c.Y[i] + c.Y[i-1]) / 2
			}
			if math.Abs(area-c.Area) > 1e-12 {
				t.Errorf("%s of %d: area %v under the curve, %v by evaluation", c.Class, classes, area, c.Area)
			}
			if !slices.IsSorted(c.X) || c.X[len(c.X)-1] != 1 {
				t.Errorf("%s: x does not rise to 1", c.Class)
			}
		}
	}
}

func TestCurvesLeaveOutClassesWithoutOne(t *testing.T) {
	roc, _, err := Curves(certain([]string{"a", "b", "never"}, [2]int{0, 0}, [2]int{1, 0}))
	if err != nil || len(roc) != 2 {
		t.Errorf("%d curves, %v", len(roc), err)
	}
}

func TestReliabilityBins(t *testing.T) {
	p := &evaluation.Predictions{Classes: []string{"a", "b"}}
	for _, x := range []struct {
		label int
		b     float64
	}{{1, 0.9}, {0, 0.86}, {1, 1}, {0, 0.5}} {
		p.Rows = append(p.Rows, evaluation.Prediction{Label: x.label, Probabilities: []float64{1 - x.b, x.b}})
	}
	bins := ReliabilityBins(p, 10, 0.95)
	for k, want := range map[int]Bin{4: {Count: 1, Confidence: 0.5, Accuracy: 1}, 8: {Count: 2, Confidence: 0.88, Accuracy: 0.5},
		9: {Count: 1, Confidence: 1, Accuracy: 1}, 0: {}} {
		got := bins[k]
		if got.Count != want.Count || math.Abs(got.Confidence-want.Confidence) > 1e-12 || got.Accuracy != want.Accuracy {
			t.Errorf("bin %d: %+v", k, got)
		}
	}
}

// TestWilson holds the interval to scipy's binomtest(hits, n).proportion_ci(method="wilson").
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{{212, 400, 0.4810361559058216, 0.5783931064341206}, {0, 7, 0.0, 0.35433043506668743}, {7, 7, 0.6456695649333126, 1.0}, {1, 2, 0.09453120573423074, 0.9054687942657693}} {
		got := Wilson(c.hits, c.n, 0.95)
		if math.Abs(got.Low-c.low) > 1e-12 || math.Abs(got.High-c.high) > 1e-12 {
			t.Errorf("%d of %d: %v", c.hits, c.n, got)
		}
	}
}

// every figure once, with names that need care.
func every(t *testing.T, classes int) map[string]*Figure {
	t.Helper()
	p := random(classes, 60)
	p.Classes[0] = `<b>&"weird"\x{0}` + "\x00\n" + strings.Repeat("long ", 20)
	must := func(f *Figure, err error) *Figure {
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	roc, precision, err := Curves(p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range roc {
		roc[i].Band = &evaluation.Band{X: roc[i].X, Low: make([]float64, len(roc[i].X)), High: roc[i].Y}
		roc[i].Interval = &Interval{0.1, 0.9}
	}
	grid := []float64{0, 0.5, 1}
	roc = append(roc, Average(&evaluation.Band{Name: p.Classes[0], X: grid, Y: grid, Low: grid, High: grid}, 0.5))
	counts := make([]int, classes)
	counts[0] = 12345
	series := []Series{{"training", []float64{3, math.NaN(), math.Inf(1), 0.001}}, {p.Classes[0], []float64{1, 0, 2}}}
	return map[string]*Figure{
		"counts":      must(Counts(p, "Counts")),
		"confusion":   must(Confusion(p, "Confusion")),
		"roc":         ROC(roc, "ROC"),
		"precision":   PrecisionRecall(precision, "Precision"),
		"reliability": Reliability(ReliabilityBins(p, 10, 0.95), "a 95 % interval", "Reliability"),
		"course":      Course(series, 1, "Loss", "Loss"),
		"first epoch": Course([]Series{{"training", []float64{3}}}, 0, "Loss", "Loss"),
		"no epoch":    Course(nil, -1, "Loss", "Loss"),
		"rates":       Rates(series, "Rates"),
		"no rate":     Rates([]Series{{"all", []float64{0}}}, "Rates"),
		"classes":     Classes(p.Classes, []Split{{"train", counts}, {"val", make([]int, classes)}, {"test", counts}}, "Classes"),
		"sheet": Sheet([]Tile{{image.NewRGBA(image.Rect(0, 0, 30, 10)), p.Classes[0], p.Classes[1], 0.5},
			{nil, p.Classes[1], p.Classes[0], 1}}, "Sheet"),
	}
}

func TestFiguresCutNothingOff(t *testing.T) {
	if testing.Short() {
		t.Skip("draws every figure")
	}
	for _, classes := range []int{2, 5, 39} {
		for name, f := range every(t, classes) {
			cutsNothingOff(t, fmt.Sprintf("%s of %d classes", name, classes), f)
		}
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	for name, f := range every(t, 5) {
		var file bytes.Buffer
		if err := f.WriteSVG(&file); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(file.Bytes(), []byte("Arial")) {
			t.Errorf("%s: no font to fall back on", name)
		}
		for d := xml.NewDecoder(&file); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteErrors(t *testing.T) {
	f := Course(nil, -1, "Loss", "Loss")
	if f.WritePNG(fullDisk{}) == nil || f.WriteSVG(fullDisk{}) == nil {
		t.Error("no error on a full disk")
	}
	if _, err := Confusion(&evaluation.Predictions{Classes: []string{"a", "b"}}, ""); err == nil {
		t.Error("no error without predictions")
	}
}

func BenchmarkConfusion(b *testing.B) {
	p := random(39, 2000)
	for b.Loop() {
		f, err := Confusion(p, "title")
		if err == nil {
			err = f.WritePNG(io.Discard)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
