package inference

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fovea/evaluation/operating"
)

// A Rule decides for a class by thresholds, instead of taking the most probable class:
//   - Of the classes with a threshold that reach it, it takes the most probable.
//   - Else it takes the most probable of those without a threshold, if its
//     probability is at least Abstain. Else there is no decision.
//
// A rule may also be the operating point of a run.
type Rule struct {
	classes    []string
	thresholds []float64 // by class; 0: none
	abstain    float64
	text       string
	point      *operating.Point // instead of the others; nil: none
}

// PointRule returns the rule of an operating point. Errors name a class that the model does not have.
func PointRule(classes []string, p operating.Point) (*Rule, error) {
	_, err := p.Score(classes, make([]float64, len(classes)))
	return &Rule{classes: classes, point: &p, text: p.String()}, err
}

// DefaultRule returns the rule of the first operating point of the model's run, nil without one.
func (d *Description) DefaultRule() (*Rule, error) {
	if len(d.Operating) == 0 {
		return nil, nil
	}
	return PointRule(d.Classes, d.Operating[0])
}

// String returns the rule for people.
func (r *Rule) String() string { return r.text }

// NewRule returns a rule of thresholds, each "CLASS=P". It returns nil if there is neither one of them nor abstain.
func NewRule(classes, thresholds []string, abstain float64) (*Rule, error) {
	if len(thresholds) == 0 && abstain == 0 {
		return nil, nil
	}
	if !(abstain >= 0 && abstain <= 1) {
		return nil, fmt.Errorf("abstain %g: it must lie in [0, 1]", abstain)
	}
	r := &Rule{classes: classes, thresholds: make([]float64, len(classes)), abstain: abstain,
		text: strings.Join(thresholds, ", ")}
	if abstain > 0 {
		r.text = strings.TrimPrefix(fmt.Sprintf("%s, none below %g", r.text, abstain), ", ")
	}
	for _, t := range thresholds {
		cut := strings.LastIndex(t, "=") // a class name may hold one
		if cut < 0 {
			return nil, fmt.Errorf("threshold %q is not CLASS=P", t)
		}
		class := slices.Index(classes, t[:cut])
		if class < 0 {
			return nil, fmt.Errorf("threshold %q: there is no class %q, only %q", t, t[:cut], classes)
		}
		p, err := strconv.ParseFloat(t[cut+1:], 64)
		if err != nil || !(p > 0 && p <= 1) {
			return nil, fmt.Errorf("threshold %q: the probability must be a number above 0 and at most 1", t)
		}
		r.thresholds[class] = p
	}
	return r, nil
}

// Decision returns the name of what is decided, "" for no decision.
func (r *Rule) Decision(probabilities []float64) string {
	if r.point != nil {
		reached, below := r.point.Decision()
		if p, _ := r.point.Score(r.classes, probabilities); p >= r.point.Threshold {
			return reached
		}
		return below
	}
	if c := r.Decide(probabilities); c >= 0 {
		return r.classes[c]
	}
	return ""
}

// Decide returns a class, or -1 for no decision.
func (r *Rule) Decide(probabilities []float64) int {
	reached, other := -1, -1
	for c, p := range probabilities {
		switch t := r.thresholds[c]; {
		case t > 0 && p >= t && (reached < 0 || p > probabilities[reached]):
			reached = c
		case t == 0 && (other < 0 || p > probabilities[other]):
			other = c
		}
	}
	switch {
	case reached >= 0:
		return reached
	case other >= 0 && probabilities[other] >= r.abstain:
		return other
	}
	return -1
}
