package evaluation

import (
	"cmp"
	"math"
	"slices"
)

// ClassMetrics are the one-versus-rest metrics of one class, each in [0, 1].
type ClassMetrics struct {
	Class     string
	Support   int // rows of this class
	Predicted int // rows predicted as this class

	Precision, Recall, F1, Jaccard float64 // 0 where the denominator is 0
	AveragePrecision               float64 // 0 without rows of this class
	ROCAUC                         float64 // NaN if no row, or every row, is of this class
}

// PerClass returns a [ClassMetrics] a class, in the order of p.Classes. Errors
// are those of [Predictions.Check].
func PerClass(p *Predictions) ([]ClassMetrics, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return perClass(p, ConfusionMatrix(p)), nil
}

func perClass(p *Predictions, counts [][]int) []ClassMetrics {
	out := make([]ClassMetrics, len(p.Classes))
	ranked := make([]scored, len(p.Rows))
	for c, name := range p.Classes {
		var support, predicted int
		for k := range counts {
			support += counts[c][k]
			predicted += counts[k][c]
		}
		hits := counts[c][c]
		m := ClassMetrics{
			Class:     name,
			Support:   support,
			Predicted: predicted,
			Precision: ratio(hits, predicted),
			Recall:    ratio(hits, support),
			F1:        ratio(2*hits, support+predicted),
			Jaccard:   ratio(hits, support+predicted-hits),
		}
		for i, r := range p.Rows {
			ranked[i] = scored{r.Probabilities[c], r.Label == c}
		}
		m.ROCAUC, m.AveragePrecision = rankMetrics(ranked)
		out[c] = m
	}
	return out
}

func ratio[N int | int64](a, b N) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

type scored struct {
	score    float64
	positive bool
}

// rankMetrics returns the area under the ROC curve (Mann-Whitney: the share of
// positive-negative pairs in the right order, a tie counting half) and the
// average precision Σ (R_n - R_{n-1})·P_n over the distinct scores. It sorts
// ranked.
//
// It counts in integers. gonum's stat.ROC returns rates as 1 - n·(1/N), which
// is off by a rounding error where a rate is exactly 0 (N = 49, for example).
func rankMetrics(ranked []scored) (auc, ap float64) {
	slices.SortFunc(ranked, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var positives, negatives int64 // above the current group of equal scores
	var twicePairs int64           // twice the number of pairs in the right order
	for start := 0; start < len(ranked); {
		end, pos := start, int64(0)
		for ; end < len(ranked) && ranked[end].score == ranked[start].score; end++ {
			if ranked[end].positive {
				pos++
			}
		}
		neg := int64(end-start) - pos
		twicePairs += neg * (2*positives + pos)
		positives += pos
		negatives += neg
		ap += float64(pos) * float64(positives) / float64(end)
		start = end
	}
	if positives == 0 {
		return math.NaN(), 0
	}
	ap /= float64(positives)
	if negatives == 0 {
		return math.NaN(), ap
	}
	return float64(twicePairs) / float64(2*positives*negatives), ap
}
