package evaluation

import "math"

// The methods of intervals. Each measure has one; see the package comment. With several images a patient the name is
// followed by " by patient".
const (
	Bootstrap      = "bootstrap" // bias-corrected percentiles
	BasicBootstrap = "basic bootstrap"
	WilsonScore    = "Wilson"
	DeLong         = "DeLong"

	ByPatients = " by patient" // behind any of them
)

// Wilson returns the score interval of a fraction of hits among n (Wilson, 1927), or NaN for n = 0.
func Wilson(hits, n int64, level float64) (low, high float64) {
	return wilson(float64(hits)/float64(n), float64(n), normalQuantile(level))
}

// wilson returns the score interval of a fraction p of m rows.
func wilson(p, m, z float64) (low, high float64) {
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, middle-half), min(1, middle+half)
}

// closedForm returns the interval of a measure of all classes that needs no bootstrap: a fraction of the images or of
// those of one class, what follows from one alone, and the AUC of two classes. The method is "" if there is none.
func (s *sample) closedForm(name string, delong AUCInterval, level float64) (low, high float64, method string) {
	accuracy := func() (low, high float64, method string) {
		return s.share(func(int) bool { return true }, s.right, level)
	}
	switch name {
	case "accuracy", "precision_micro", "recall_micro", "recall_weighted", "f1_micro":
		return accuracy()
	case "hamming":
		low, high, method = accuracy()
		share := 2 / float64(s.classes)
		return share * (1 - high), share * (1 - low), method
	case "jaccard_micro":
		low, high, method = accuracy()
		return low / (2 - low), high / (2 - high), method
	case "recall_positive":
		return s.closedFormOf("recall", positiveClass, delong, level)
	case "specificity_positive":
		return s.closedFormOf("specificity", positiveClass, delong, level)
	case "roc_auc":
		if s.classes == 2 {
			return s.closedFormOf("roc_auc", positiveClass, delong, level)
		}
	}
	return 0, 0, ""
}

// closedFormOf does the same for a measure of one class against the rest.
func (s *sample) closedFormOf(name string, class int, delong AUCInterval, level float64) (low, high float64,
	method string) {
	is := func(i int) bool { return int(s.truth[i]) == class }
	switch name {
	case "recall":
		return s.share(is, s.right, level)
	case "specificity":
		return s.share(func(i int) bool { return !is(i) }, func(i int) bool { return int(s.guess[i]) != class }, level)
	case "roc_auc":
		return float64(delong.Low), float64(delong.High), s.method(DeLong)
	}
	return 0, 0, ""
}

// right reports whether a row is classified correctly.
func (s *sample) right(i int) bool { return s.truth[i] == s.guess[i] }

// method returns the name of a method as it is applied to the sample.
func (s *sample) method(name string) string {
	if s.patients.several() {
		return name + ByPatients
	}
	return name
}
