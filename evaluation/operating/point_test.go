package operating

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"fovea/evaluation"
)

func TestParseRule(t *testing.T) {
	for _, text := range []string{"youden", "sensitivity 0.9", "specificity 0.95 lower", "sensitivity 1"} {
		if r, err := ParseRule(text); err != nil || r.String() != text {
			t.Errorf("%q: %v, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "Youden", "sensitivity", "sensitivity 0", "sensitivity 1.1", "sensitivity NaN",
		"specificity 0.9 upper", "accuracy 0.9", "youden lower"} {
		if r, err := ParseRule(text); err == nil || !strings.Contains(err.Error(), "youden") {
			t.Errorf("%q: %v, %v", text, r, err)
		}
	}
}

func TestCut(t *testing.T) {
	grades := []string{"none", "mild", "severe"}
	for _, x := range []struct {
		classes []string
		ordered bool
		cut     string
		want    string // part of the error
	}{
		{[]string{"healthy", "amd"}, false, "", ""},
		{[]string{"healthy", "amd"}, false, "amd", "is for grades"},
		{grades, true, "mild", ""},
		{grades, true, "", "needs a cut"},
		{grades, true, "none", "not the first"},
		{grades, true, "moderate", "one of the classes"},
		{grades, false, "mild", "not ordered"},
	} {
		err := CheckCut(x.classes, x.ordered, x.cut)
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q, %v, %q: %v", x.classes, x.ordered, x.cut, err)
		}
	}
}

// two returns predictions of two classes: true for a positive image, beside its probability.
func two(images map[float64]bool) *evaluation.Predictions {
	p := &evaluation.Predictions{Classes: []string{"healthy", "amd"}}
	for score, positive := range images {
		p.Rows = append(p.Rows, evaluation.Prediction{Label: index(positive), Probabilities: []float64{1 - score, score}})
	}
	return p
}

// The most probable image is healthy, so that no threshold at an image's probability has a specificity of 1.
func TestThresholdAboveAll(t *testing.T) {
	p := two(map[float64]bool{0.9: false, 0.8: true, 0.3: true, 0.1: false})
	rule, err := ParseRule("specificity 1")
	if err != nil {
		t.Fatal(err)
	}
	points, _, err := Choose(p, "val", "", 0.95, []Rule{rule})
	if err != nil || len(points) != 1 || points[0].Threshold != math.Nextafter(0.9, 1) {
		t.Fatalf("%v, %v", points, err)
	}
	text, err := json.Marshal(points[0])
	var again Point
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || again.Threshold != points[0].Threshold {
		t.Errorf("the threshold %v is read as %v: %v", points[0].Threshold, again.Threshold, err)
	}
	r, err := points[0].Apply(p, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if r.TrueNegatives != 2 || r.FalseNegatives != 2 {
		t.Errorf("%+v", r)
	}
	if ppv, _ := evaluation.Find(r.Measures, "ppv"); !math.IsNaN(float64(ppv.Value)) {
		t.Errorf("without a positive answer the PPV is %v", ppv.Value)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestNoImagesOfAClass(t *testing.T) {
	if _, _, err := Choose(two(map[float64]bool{0.9: true}), "val", "", 0.95, nil); err == nil {
		t.Error("thresholds were chosen without a negative image")
	}
	r, err := Point{Positive: "amd", Negative: "healthy", Threshold: 0.5}.Apply(two(map[float64]bool{0.9: true}), 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := evaluation.Find(r.Measures, "specificity"); !math.IsNaN(float64(m.Value)) {
		t.Errorf("the specificity without a negative image is %v", m.Value)
	}
}
