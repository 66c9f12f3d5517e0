package evaluation

import (
	"fmt"
	"iter"
	"math"
	"strings"
)

// Metrics are the figures of one evaluation; the package comment defines them. All but Loss lie in [0, 1], Kappa,
// QuadraticKappa, MCC and Score in [-1, 1].
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

func columnNames() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
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

// Warning says that a metric is not what its name promises, because the data leave it undefined.
type Warning struct {
	Class   string   // empty if it concerns no single class
	Metrics []string // the metrics concerned, by column name
	Reason  string   // names the missing data and the value used instead
}

func (w Warning) String() string {
	s := strings.Join(w.Metrics, ", ") + ": " + w.Reason
	if w.Class != "" {
		s = fmt.Sprintf("class %q: %s", w.Class, s)
	}
	return s
}

// Compute returns the metrics of p and what to know before trusting them. Errors are those of [Predictions.Check].
func Compute(p *Predictions) (Metrics, []Warning, error) {
	if err := p.Check(); err != nil {
		return Metrics{}, nil, err
	}
	t, values := newSample(p).whole()
	var m Metrics
	for i, c := range columns {
		*c.field(&m) = values[i]
	}
	return m, warnings(p, t), nil
}

// warnings reports the metrics that the data leave undefined. t is the tally of p.
func warnings(p *Predictions, t *tally) []Warning {
	var out []Warning
	oneClass, oneCell := false, false
	for c, name := range p.Classes {
		switch t.support[c] {
		case 0:
			out = append(out,
				Warning{Class: name, Metrics: []string{"roc_auc"},
					Reason: "no sample is of this class, so it is left out of the mean"},
				Warning{Class: name, Metrics: []string{"average_precision", "precision", "recall", "f1", "jaccard"},
					Reason: "no sample is of this class, so it counts as 0 in the mean"})
		case t.rows:
			out = append(out, Warning{Class: name, Metrics: []string{"roc_auc"},
				Reason: "every sample is of this class, so it is left out of the mean"})
			oneClass, oneCell = true, int64(t.counts[c][c]) == t.rows
		}
	}
	out = append(out, sumWarnings(p)...)
	if oneClass {
		out = append(out, Warning{Metrics: []string{"roc_auc", "score"},
			Reason: "all samples are of one class, so no class has an AUC; set to 0.5"})
	}
	if oneCell {
		out = append(out, Warning{Metrics: []string{"kappa", "quadratic_kappa", "score"},
			Reason: "all samples are of one class and predicted as it, so kappa is 0/0; set to 0"})
	}
	return out
}

// sumTolerance allows for a softmax in bfloat16, and for probabilities that are rounded to few digits.
const sumTolerance = 1e-2

// sumWarnings reports rows whose probabilities do not sum to 1.
func sumWarnings(p *Predictions) []Warning {
	first, firstSum, bad := 0, 0.0, 0
	for i, r := range p.Rows {
		var sum float64
		for _, v := range r.Probabilities {
			sum += v
		}
		if math.Abs(sum-1) <= sumTolerance {
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

// ClassMetrics are the one-versus-rest metrics of one class, each in [0, 1].
type ClassMetrics struct {
	Class     string
	Support   int // rows of this class
	Predicted int // rows predicted as this class

	Precision, Recall, F1, Jaccard float64 // 0 where the denominator is 0
	AveragePrecision               float64 // 0 without rows of this class
	ROCAUC                         float64 // NaN if no row, or every row, is of this class
}

// PerClass returns a [ClassMetrics] a class, in the order of p.Classes. Errors are those of [Predictions.Check].
func PerClass(p *Predictions) ([]ClassMetrics, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	t, _ := newSample(p).whole()
	out := make([]ClassMetrics, len(p.Classes))
	for c, name := range p.Classes {
		out[c] = ClassMetrics{Class: name, Support: int(t.support[c]), Predicted: int(t.predicted[c]),
			Precision: t.precision[c], Recall: t.recall[c], F1: t.f1[c], Jaccard: t.jaccard[c],
			AveragePrecision: t.ap[c], ROCAUC: t.auc[c]}
	}
	return out, nil
}
