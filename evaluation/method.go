package evaluation

import "math"

// The methods of intervals. Each measure has one; see the package comment.
const (
	Bootstrap      = "bootstrap" // bias-corrected percentiles
	BasicBootstrap = "basic bootstrap"
	WilsonScore    = "Wilson"
	DeLong         = "DeLong"
)

// Wilson returns the score interval of a fraction of hits among n (Wilson, 1927), or NaN for n = 0.
func Wilson(hits, n int64, level float64) (low, high float64) {
	z := normalQuantile(level)
	p, m := float64(hits)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, middle-half), min(1, middle+half)
}

// closedForm returns the interval of a measure of all classes that needs no bootstrap: a fraction of the images or of
// those of one class, what follows from one alone, and the AUC of two classes. The method is "" if there is none.
func (t *tally) closedForm(name string, delong AUCInterval, level float64) (low, high float64, method string) {
	classes := len(t.support)
	low, high = Wilson(t.correct(), t.rows, level)
	switch name {
	case "accuracy", "precision_micro", "recall_micro", "recall_weighted", "f1_micro":
		return low, high, WilsonScore
	case "hamming":
		share := 2 / float64(classes)
		return share * (1 - high), share * (1 - low), WilsonScore
	case "jaccard_micro":
		return low / (2 - low), high / (2 - high), WilsonScore
	case "recall_positive":
		return t.closedFormOf("recall", positiveClass, delong, level)
	case "specificity_positive":
		return t.closedFormOf("specificity", positiveClass, delong, level)
	case "roc_auc":
		if classes == 2 {
			return float64(delong.Low), float64(delong.High), DeLong
		}
	}
	return 0, 0, ""
}

// closedFormOf does the same for a measure of one class against the rest.
func (t *tally) closedFormOf(name string, class int, delong AUCInterval, level float64) (low, high float64,
	method string) {
	hits, support := int64(t.counts[class][class]), t.support[class]
	switch name {
	case "recall":
		low, high = Wilson(hits, support, level)
		return low, high, WilsonScore
	case "specificity":
		others := t.rows - support
		low, high = Wilson(others-(t.predicted[class]-hits), others, level)
		return low, high, WilsonScore
	case "roc_auc":
		return float64(delong.Low), float64(delong.High), DeLong
	}
	return 0, 0, ""
}
