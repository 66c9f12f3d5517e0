package evaluation

import "math"

// A Band is a ROC curve (sensitivity over false positive rate) or a precision-recall curve on a grid of X, with an
// interval at each point of it.
type Band struct {
	Name            string // of the class, or of the average over classes
	X, Y, Low, High []float64
}

const (
	bandSteps  = 200 // of the grid, from 0 to 1
	bandPoints = bandSteps + 1
)

// bandNames returns the names of the curves that have bands: of two classes the positive one, else both averages over
// classes.
func bandNames(classes []string) []string {
	if len(classes) == 2 {
		return classes[positiveClass:]
	}
	return []string{"macro average", "micro average"}
}

// A trace records the heights of a ROC and a precision-recall curve at the points of the grid while a ranking is walked
// along.
type trace struct {
	positives, negatives int64
	roc, pr              [bandPoints]float64
	atROC, atPR          int // the next points
}

// start resets the trace for a walk past so many rows and returns it. A nil trace stays nil.
func (t *trace) start(positives, negatives int64) *trace {
	if t != nil {
		*t = trace{positives: positives, negatives: negatives}
		t.roc[bandSteps] = 1
	}
	return t
}

// goals returns when a walk must call the trace next: reach at so many positives, pass beyond so many negatives.
func (t *trace) goals() (hits, misses int64) {
	if t == nil {
		return math.MaxInt64, math.MaxInt64
	}
	return t.hitGoal(), t.missGoal()
}

// hitGoal returns the least number of positives with the recall of the next point. At recall 0 that is 1.
func (t *trace) hitGoal() int64 {
	if t.atPR > bandSteps || t.positives == 0 {
		return math.MaxInt64
	}
	return max(1, (int64(t.atPR)*t.positives+bandSteps-1)/bandSteps)
}

// missGoal returns the number of negatives at the next point, rounded down.
func (t *trace) missGoal() int64 {
	if t.atROC >= bandSteps || t.positives == 0 {
		return math.MaxInt64
	}
	return int64(t.atROC) * t.negatives / bandSteps
}

// reach records the precision at all points up to a number of positives and returns the next hitGoal.
func (t *trace) reach(hits, misses int64) (goal int64) {
	for goal = t.hitGoal(); hits >= goal; goal = t.hitGoal() {
		t.pr[t.atPR] = float64(hits) / float64(hits+misses)
		t.atPR++
	}
	return goal
}

// pass records the sensitivity at the points that the straight line between two corners of the ROC curve passes, and
// returns the next missGoal. The line's end does not count, for the next line may go straight up from there.
func (t *trace) pass(hits0, misses0, hits, misses int64) (goal int64) {
	for goal = t.missGoal(); misses > goal; goal = t.missGoal() {
		x := float64(int64(t.atROC)*t.negatives) / bandSteps
		share := (x - float64(misses0)) / float64(misses-misses0)
		t.roc[t.atROC] = (float64(hits0) + share*float64(hits-hits0)) / float64(t.positives)
		t.atROC++
	}
	return goal
}

// traceOf returns the trace of a class, or of all classes pooled for class -1. It is nil if there is none.
func (t *tally) traceOf(class int) *trace {
	switch {
	case t.traces == nil || (len(t.traces) == 1 && class != positiveClass):
		return nil
	case len(t.traces) == 1:
		return &t.traces[0]
	case class < 0:
		return &t.traces[len(t.traces)-1]
	}
	return &t.traces[class]
}

// bands writes the heights of the ROC and the precision-recall curve of each of bandNames. The averages over classes
// are those of roc_auc and average_precision: a class without rows has no ROC curve, and precision 0.
func (t *tally) bands(out []float64) {
	put := func(heights []float64) { out = out[copy(out, heights):] }
	if one := t.traceOf(positiveClass); len(t.support) == 2 {
		put(one.roc[:])
		put(one.pr[:])
		return
	}
	var roc, pr [bandPoints]float64
	curves := 0
	for c, support := range t.support {
		if support == 0 {
			continue
		}
		one := t.traceOf(c)
		for k := range bandPoints {
			pr[k] += one.pr[k] / float64(len(t.support))
		}
		if support < t.rows {
			curves++
			for k := range bandPoints {
				roc[k] += one.roc[k]
			}
		}
	}
	for k := range roc {
		roc[k] /= float64(curves)
	}
	put(roc[:])
	put(pr[:])
	put(t.traceOf(-1).roc[:])
	put(t.traceOf(-1).pr[:])
}

// bands returns the curves of one kind: which is 0 for ROC, 1 for precision and recall. values are measures of the
// sample itself; the heights begin at first, in values and in r.
func (r replicates) bands(names []string, values []float64, first, which int, level float64) []Band {
	var out []Band
	for i, name := range names {
		b := Band{Name: name}
		for k := range bandPoints {
			at := first + (2*i+which)*bandPoints + k
			low, high := r.percentiles(at, level)
			b.X, b.Y = append(b.X, float64(k)/bandSteps), append(b.Y, values[at])
			b.Low, b.High = append(b.Low, low), append(b.High, high)
		}
		out = append(out, b)
	}
	return out
}
