package evaluation

import (
	"math"
	"slices"
)

// positiveClass is the index of the class that a two-class task looks for.
const positiveClass = 1

// The specificities at which sensitivity is read off the ROC curve.
var specificityLevels = [2]float64{0.95, 0.90} // descending: fewer false positives first

// The measures of an assessment by name; the package comment defines them. The columns of metrics_test.csv come first.
var (
	commonMeasures = []string{"balanced_accuracy", "linear_kappa", "brier", "ece"}
	binaryMeasures = []string{"precision_positive", "recall_positive", "specificity_positive", "f1_positive",
		"jaccard_positive", "average_precision_positive",
		"sensitivity_at_specificity_0.90_positive", "sensitivity_at_specificity_0.95_positive"}
	manyMeasures = []string{"specificity", "sensitivity_at_specificity_0.90", "sensitivity_at_specificity_0.95",
		"precision_micro", "precision_weighted", "recall_micro", "recall_weighted", "f1_micro", "f1_weighted",
		"jaccard_micro", "jaccard_weighted", "roc_auc_micro", "roc_auc_weighted", "roc_auc_ovo", "roc_auc_ovo_weighted",
		"average_precision_micro", "average_precision_weighted"}
	classMeasures = []string{"precision", "recall", "specificity", "f1", "jaccard", "roc_auc", "average_precision",
		"sensitivity_at_specificity_0.90", "sensitivity_at_specificity_0.95"}
)

// measureNames returns the measures of a task with so many classes, in the order of their values.
func measureNames(classes int) []string {
	if classes == 2 {
		return slices.Concat(columnNames(), commonMeasures, binaryMeasures)
	}
	return slices.Concat(columnNames(), commonMeasures, manyMeasures)
}

// lowerIsBetter reports whether a measure counts mistakes.
func lowerIsBetter(name string) bool {
	return slices.Contains([]string{"val_loss", "hamming", "brier", "ece"}, name)
}

// A tally holds the sums of one weighted pass over the rows, and the measures of each class, before any average.
type tally struct {
	counts                       [][]int  // confusion
	rows                         int64    // sum of weights
	loss, brier, ece             float64  // means
	corners                      []corner // of the last walk
	pairs                        [][]int64
	pooledAP                     float64
	pooledPairs                  int64
	support, predicted           []int64
	precision, recall            []float64
	specificity, f1, jaccard, ap []float64
	auc                          []float64
	sensitivity                  [len(specificityLevels)][]float64
}

// average returns the weighted mean of the values that are defined; nil weights count equally. If there is none, it
// returns missing.
func average(values []float64, weights []int64, missing float64) float64 {
	var sum, total float64
	for i, v := range values {
		w := 1.0
		if weights != nil {
			w = float64(weights[i])
		}
		if !math.IsNaN(v) && w > 0 {
			sum += w * v
			total += w
		}
	}
	if total == 0 {
		return missing
	}
	return sum / total
}

// correct returns the number of rows that are predicted correctly.
func (t *tally) correct() (n int64) {
	for c := range t.counts {
		n += int64(t.counts[c][c])
	}
	return n
}

// measureClass fills in the measures of a class, whose ranking was walked last.
func (t *tally) measureClass(c int) {
	hits, support, predicted := int64(t.counts[c][c]), t.support[c], t.predicted[c]
	others := t.rows - support
	t.precision[c] = ratio(hits, predicted)
	t.recall[c] = ratio(hits, support)
	t.specificity[c] = ratio(others-(predicted-hits), others)
	t.f1[c] = ratio(2*hits, support+predicted)
	t.jaccard[c] = ratio(hits, support+predicted-hits)
	curve := support > 0 && others > 0
	t.auc[c] = math.NaN()
	if curve {
		var pairs int64
		for _, v := range t.pairs[c] {
			pairs += v
		}
		t.auc[c] = ratio(pairs, 2*support*others)
	}
	for k, level := range specificityLevels {
		t.sensitivity[k][c] = math.NaN()
		if curve {
			t.sensitivity[k][c] = t.sensitivityAt(level)
		}
	}
}

// kappa returns Cohen's kappa, 1 - observed/expected disagreement, where taking class i for class j costs cost(i, j) ≥
// 0. It counts in whole numbers up to one division. Costs of i - j squared fit as long as rows times classes stay below
// 3e9. If no disagreement is expected, because truth and prediction are one class throughout, kappa is undefined and 0
// is returned.
func (t *tally) kappa(cost func(i, j int64) int64) float64 {
	var observed, expected int64
	for i, row := range t.counts {
		for j, v := range row {
			w := cost(int64(i), int64(j))
			observed += w * int64(v) * t.rows
			expected += w * t.support[i] * t.predicted[j]
		}
	}
	if expected == 0 {
		return 0
	}
	return float64(expected-observed) / float64(expected)
}

func unweightedCost(i, j int64) int64 { return min(1, quadraticCost(i, j)) }
func linearCost(i, j int64) int64     { return max(i-j, j-i) }
func quadraticCost(i, j int64) int64  { return (i - j) * (i - j) }

// matthews returns the multi-class Matthews correlation coefficient of Gorodkin (2004), or 0 where truth or prediction
// is constant.
func (t *tally) matthews() float64 {
	cross, trueVar, predictedVar := int64(0), t.rows*t.rows, t.rows*t.rows
	for c := range t.counts {
		cross += int64(t.counts[c][c])*t.rows - t.support[c]*t.predicted[c]
		trueVar -= t.support[c] * t.support[c]
		predictedVar -= t.predicted[c] * t.predicted[c]
	}
	if trueVar == 0 || predictedVar == 0 {
		return 0
	}
	return float64(cross) / math.Sqrt(float64(trueVar)*float64(predictedVar))
}

// oneVersusOne returns the AUC of Hand and Till (2001): the mean over the pairs of classes that occur, weighted by the
// rows of a pair if asked.
func (t *tally) oneVersusOne(weighted bool) float64 {
	var sum, total float64
	for a := range t.support {
		for b := range a {
			if t.support[a] == 0 || t.support[b] == 0 {
				continue
			}
			w := 1.0
			if weighted {
				w = float64(t.support[a] + t.support[b])
			}
			sum += w * ratio(t.pairs[a][b]+t.pairs[b][a], 4*t.support[a]*t.support[b])
			total += w
		}
	}
	if total == 0 {
		return 0.5
	}
	return sum / total
}

// measure writes the measures in the order of measureNames, then those of each class in the order of classMeasures.
func (t *tally) measure(out []float64) {
	correct := t.correct()
	mean := func(values []float64) float64 { return average(values, nil, 0) }
	n, classes := t.rows, int64(len(t.counts))
	accuracy := ratio(correct, n)
	kappa := t.kappa(unweightedCost)
	f1, auc := mean(t.f1), average(t.auc, nil, 0.5)
	var found []float64 // as balanced_accuracy_score: classes without rows do not count
	for c, s := range t.support {
		if s > 0 {
			found = append(found, t.recall[c])
		}
	}
	put := func(values ...float64) { out = out[copy(out, values):] }
	put(t.loss, accuracy, f1, auc, ratio(2*(n-correct), n*classes), mean(t.jaccard), mean(t.precision), mean(t.recall),
		mean(t.ap), kappa, (f1+auc+kappa)/3, t.kappa(quadraticCost), t.matthews())
	put(mean(found), t.kappa(linearCost), t.brier, t.ece)
	// A ROC curve that is not there is replaced by that of chance, on which sensitivity is 1 - specificity.
	chance := func(k int) float64 { return 1 - specificityLevels[k] }
	if classes == 2 {
		const c = positiveClass
		put(t.precision[c], t.recall[c], t.specificity[c], t.f1[c], t.jaccard[c], t.ap[c],
			average(t.sensitivity[1][c:], nil, chance(1)), average(t.sensitivity[0][c:], nil, chance(0)))
	} else {
		byRows := func(values []float64) float64 { return average(values, t.support, 0) }
		pooled := ratio(t.pooledPairs, 2*n*n*(classes-1))
		put(mean(t.specificity), average(t.sensitivity[1], nil, chance(1)), average(t.sensitivity[0], nil, chance(0)),
			accuracy, byRows(t.precision), accuracy, byRows(t.recall), accuracy, byRows(t.f1),
			ratio(correct, 2*n-correct), byRows(t.jaccard),
			pooled, average(t.auc, t.support, 0.5), t.oneVersusOne(false), t.oneVersusOne(true),
			t.pooledAP, byRows(t.ap))
	}
	for c := range t.support {
		put(t.precision[c], t.recall[c], t.specificity[c], t.f1[c], t.jaccard[c], t.auc[c], t.ap[c],
			t.sensitivity[1][c], t.sensitivity[0][c])
	}
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
