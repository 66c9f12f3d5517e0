package evaluation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Argmax names the rule by which an image is taken for a class where no threshold is named: its most probable one.
const Argmax = "argmax"

// argmaxMeasures begin the names of what depends on the class that an image is taken for.
var argmaxMeasures = []string{"recall", "specificity", "precision", "f1", "jaccard", "balanced_accuracy"}

// nameRules says beside each rate by which rule or threshold images were taken for a class.
func (a *Assessment) nameRules(p *Predictions) {
	const own = "each class at its own threshold, chosen on the same images"
	name := func(measures []Estimate, class int) {
		for i := range measures {
			m := &measures[i]
			if level := levelOf(m.Name); level > 0 && class < 0 {
				m.Rule = own
			} else if level > 0 {
				m.Rule = fmt.Sprintf("p ≥ %.4g, chosen on the same images", thresholdAt(p, class, level))
			} else if usesArgmax(m.Name) {
				m.Rule = Argmax
			}
		}
	}
	class := -1
	if len(p.Classes) == 2 {
		class = positiveClass
	}
	name(a.Measures, class)
	for c := range a.PerClass {
		name(a.PerClass[c].Measures, c)
	}
}

func usesArgmax(measure string) bool {
	return slices.ContainsFunc(argmaxMeasures, func(prefix string) bool { return strings.HasPrefix(measure, prefix) })
}

// levelOf returns the specificity at which a measure reads the sensitivity off a ROC curve, else 0.
func levelOf(measure string) float64 {
	for _, level := range specificityLevels {
		if strings.HasPrefix(measure, fmt.Sprintf("sensitivity_at_specificity_%.2f", level)) {
			return level
		}
	}
	return 0
}

// thresholdAt returns the highest probability of a class that, as a threshold, has the largest sensitivity with a
// specificity of at least level. If none has it, the threshold lies above all.
func thresholdAt(p *Predictions, class int, level float64) float64 {
	rows := slices.SortedFunc(slices.Values(p.Rows), func(a, b Prediction) int {
		return cmp.Compare(b.Probabilities[class], a.Probabilities[class])
	})
	var positives, others, hits, misses int64
	for _, r := range rows {
		if r.Label == class {
			positives++
		} else {
			others++
		}
	}
	best, threshold := int64(0), maxProbability
	for i, r := range rows {
		v := r.Probabilities[class]
		if r.Label == class {
			hits++
		} else {
			misses++
		}
		if i+1 < len(rows) && rows[i+1].Probabilities[class] == v {
			continue
		}
		if ratio(others-misses, others) < level {
			break
		}
		if hits > best {
			best, threshold = hits, v
		}
	}
	return threshold
}

// Headlined reports whether a measure is one for people. Kappa with weights is, if the classes are grades. An average
// over thresholds that differ from class to class is not: nobody could use it.
func (a *Assessment) Headlined(measure string) bool {
	switch measure {
	case "quadratic_kappa", "linear_kappa":
		return a.Ordered
	}
	return levelOf(measure) == 0 || len(a.Classes) == 2
}

// ruleOfBoth returns the rule by which two results are counted.
func ruleOfBoth(measure string) string {
	switch {
	case levelOf(measure) > 0:
		return "each at its own threshold, chosen on the same images"
	case usesArgmax(measure):
		return Argmax
	}
	return ""
}

// UnorderedNote says why kappa with weights is not among the measures for people, "" if it is.
func (a *Assessment) UnorderedNote() string {
	switch {
	case a.Ordered:
		return ""
	case len(a.Classes) == 2:
		return "Of two classes, linear and quadratic kappa are the same as kappa."
	}
	return "Linear and quadratic kappa stand in the files alone, since they mean something for ordered classes only."
}
