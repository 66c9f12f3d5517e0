package evaluation

import (
	"fmt"
	"iter"
	"math"
	"strings"
)

// Metrics are the figures of one evaluation; the package comment defines them.
// All but Loss lie in [0, 1], Kappa, QuadraticKappa, MCC and Score in [-1, 1].
type Metrics struct {
	Loss             float64
	Accuracy         float64
	F1               float64
	ROCAUC           float64
	Hamming          float64
	Jaccard          float64
	Precision        float64
	Recall           float64
	AveragePrecision float64
	Kappa            float64
	Score            float64
	QuadraticKappa   float64
	MCC              float64
}

// column is a metric under its name in files.
type column struct {
	name  string
	field func(*Metrics) *float64
}

// columns are in file order: RETFound's ten first, in its order, then ours.
var columns = []column{
	{"val_loss", func(m *Metrics) *float64 { return &m.Loss }},
	{"accuracy", func(m *Metrics) *float64 { return &m.Accuracy }},
	{"f1", func(m *Metrics) *float64 { return &m.F1 }},
	{"roc_auc", func(m *Metrics) *float64 { return &m.ROCAUC }},
	{"hamming", func(m *Metrics) *float64 { return &m.Hamming }},
	{"jaccard", func(m *Metrics) *float64 { return &m.Jaccard }},
	{"precision", func(m *Metrics) *float64 { return &m.Precision }},
	{"recall", func(m *Metrics) *float64 { return &m.Recall }},
	{"average_precision", func(m *Metrics) *float64 { return &m.AveragePrecision }},
	{"kappa", func(m *Metrics) *float64 { return &m.Kappa }},
	{"score", func(m *Metrics) *float64 { return &m.Score }},
	{"quadratic_kappa", func(m *Metrics) *float64 { return &m.QuadraticKappa }},
	{"mcc", func(m *Metrics) *float64 { return &m.MCC }},
}

// All yields each metric under its column name, in file order.
func (m Metrics) All() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, c := range columns {
			if !yield(c.name, *c.field(&m)) {
				return
			}
		}
	}
}

// Warning says that a metric is not what its name promises, because the data
// leave it undefined.
type Warning struct {
	Class   string   // empty if it concerns no single class
	Metrics []string // the metrics concerned, by column name
	Reason  string   // what is missing and what value stands in for it
}

func (w Warning) String() string {
	s := strings.Join(w.Metrics, ", ") + ": " + w.Reason
	if w.Class != "" {
		s = fmt.Sprintf("class %q: %s", w.Class, s)
	}
	return s
}

// Compute returns the metrics of p and what to know before trusting them.
// Errors are those of [Predictions.Check].
func Compute(p *Predictions) (Metrics, []Warning, error) {
	if err := p.Check(); err != nil {
		return Metrics{}, nil, err
	}
	counts := ConfusionMatrix(p)
	classes := perClass(p, counts)

	var m Metrics
	var aucs, correct int
	for c, k := range classes {
		m.F1 += k.F1
		m.Jaccard += k.Jaccard
		m.Precision += k.Precision
		m.Recall += k.Recall
		m.AveragePrecision += k.AveragePrecision
		if !math.IsNaN(k.ROCAUC) {
			m.ROCAUC += k.ROCAUC
			aucs++
		}
		correct += counts[c][c]
	}
	for _, sum := range []*float64{&m.F1, &m.Jaccard, &m.Precision, &m.Recall, &m.AveragePrecision} {
		*sum /= float64(len(classes))
	}
	m.Loss = LogLoss(p, 0)
	m.Accuracy = ratio(correct, len(p.Rows))
	m.Hamming = ratio(2*(len(p.Rows)-correct), len(p.Rows)*len(classes))
	m.MCC = matthews(counts)

	warnings := classWarnings(classes, len(p.Rows))
	warnings = append(warnings, sumWarnings(p)...)
	if aucs > 0 {
		m.ROCAUC /= float64(aucs)
	} else {
		m.ROCAUC = 0.5
		warnings = append(warnings, Warning{Metrics: []string{"roc_auc", "score"},
			Reason: "all samples are of one class, so no class has an AUC; set to 0.5"})
	}
	// Both kappas are defined or neither: each is undefined exactly if chance
	// cannot disagree, whatever disagreement costs.
	var defined bool
	m.Kappa, defined = kappa(counts, unweightedCost)
	m.QuadraticKappa, _ = kappa(counts, quadraticCost)
	if !defined {
		warnings = append(warnings, Warning{Metrics: []string{"kappa", "quadratic_kappa", "score"},
			Reason: "all samples are of one class and predicted as it, so kappa is 0/0; set to 0"})
	}
	m.Score = (m.F1 + m.ROCAUC + m.Kappa) / 3
	return m, warnings, nil
}

// margins returns the row and column sums and the total of a confusion matrix.
func margins(counts [][]int) (truth, predicted []int64, total int64) {
	truth, predicted = make([]int64, len(counts)), make([]int64, len(counts))
	for i, row := range counts {
		for j, v := range row {
			truth[i] += int64(v)
			predicted[j] += int64(v)
			total += int64(v)
		}
	}
	return truth, predicted, total
}

// kappa is Cohen's kappa, 1 - observed/expected disagreement, where taking
// class i for class j costs cost(i, j) ≥ 0. It is undefined if no disagreement is
// expected; the value is then 0.
func kappa(counts [][]int, cost func(i, j int64) int64) (value float64, defined bool) {
	truth, predicted, total := margins(counts)
	var observed, expected int64
	for i, row := range counts {
		for j, v := range row {
			w := cost(int64(i), int64(j))
			observed += w * int64(v) * total
			expected += w * truth[i] * predicted[j]
		}
	}
	if expected == 0 {
		return 0, false
	}
	return float64(expected-observed) / float64(expected), true
}

func unweightedCost(i, j int64) int64 { return min(1, quadraticCost(i, j)) }
func quadraticCost(i, j int64) int64  { return (i - j) * (i - j) }

// matthews is the multi-class Matthews correlation coefficient of Gorodkin
// (2004), 0 where truth or prediction is constant.
func matthews(counts [][]int) float64 {
	truth, predicted, total := margins(counts)
	cross, trueVar, predictedVar := int64(0), total*total, total*total
	for c := range counts {
		cross += int64(counts[c][c])*total - truth[c]*predicted[c]
		trueVar -= truth[c] * truth[c]
		predictedVar -= predicted[c] * predicted[c]
	}
	if trueVar == 0 || predictedVar == 0 {
		return 0
	}
	return float64(cross) / math.Sqrt(float64(trueVar)*float64(predictedVar))
}

func classWarnings(classes []ClassMetrics, rows int) []Warning {
	var out []Warning
	for _, k := range classes {
		switch k.Support {
		case 0:
			out = append(out,
				Warning{Class: k.Class, Metrics: []string{"roc_auc"},
					Reason: "no sample is of this class, so it is left out of the mean"},
				Warning{Class: k.Class, Metrics: []string{"average_precision", "precision", "recall", "f1", "jaccard"},
					Reason: "no sample is of this class, so it counts as 0 in the mean"})
		case rows:
			out = append(out, Warning{Class: k.Class, Metrics: []string{"roc_auc"},
				Reason: "every sample is of this class, so it is left out of the mean"})
		}
	}
	return out
}

// sumWarnings reports rows whose probabilities do not sum to 1 within what a
// softmax in bfloat16 may miss.
func sumWarnings(p *Predictions) []Warning {
	const tolerance = 1e-2
	first, firstSum, bad := 0, 0.0, 0
	for i, r := range p.Rows {
		var sum float64
		for _, v := range r.Probabilities {
			sum += v
		}
		if math.Abs(sum-1) <= tolerance {
			continue
		}
		if bad == 0 {
			first, firstSum = i, sum
		}
		bad++
	}
	if bad == 0 {
		return nil
	}
	return []Warning{{Metrics: []string{"val_loss"}, Reason: fmt.Sprintf(
		"the probabilities of %d of %d rows do not sum to 1, first %s with sum %.4g; they are used as they are",
		bad, len(p.Rows), rowName(first, p.Rows[first]), firstSum)}}
}
