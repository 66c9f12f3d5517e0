package evaluation

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// AUCInterval is an area under a ROC curve with its interval after DeLong,
// DeLong and Clarke-Pearson (1988).
type AUCInterval struct {
	AUC    number `json:"auc"`
	StdErr number `json:"std_err"`
	Low    number `json:"low"` // AUC ± z·StdErr, cut to [0, 1]
	High   number `json:"high"`
}

// placements are DeLong's structural components of one class against the rest.
type placements struct {
	positives []float64 // of each row of the class: the share of other rows that score lower, a tie counting half
	negatives []float64 // of each other row: the share of rows of the class that score higher
}

// newPlacements takes them from a ranking, in the order of rows, so that those
// of two classifiers pair. One pass over sorted rows gives what Sun and Xu
// (2014) get from midranks.
func newPlacements(ranking []entry, positive uint16) placements {
	values := make([]float64, len(ranking)) // by row
	class := make([]bool, len(ranking))
	var hits, misses int64
	for first := 0; first < len(ranking); {
		end := first
		var tiedHits, tiedMisses int64
		for {
			if ranking[end].class == positive {
				tiedHits++
			} else {
				tiedMisses++
			}
			end++
			if ranking[end-1].last {
				break
			}
		}
		for _, e := range ranking[first:end] {
			if class[e.row] = e.class == positive; class[e.row] {
				values[e.row] = float64(2*misses + tiedMisses) // of those above: below is the rest
			} else {
				values[e.row] = float64(2*hits + tiedHits)
			}
		}
		hits, misses = hits+tiedHits, misses+tiedMisses
		first = end
	}
	var p placements
	for row, v := range values {
		if class[row] {
			p.positives = append(p.positives, (float64(2*misses)-v)/float64(2*misses))
		} else {
			p.negatives = append(p.negatives, v/float64(2*hits))
		}
	}
	return p
}

// defined says whether there is a variance: two rows on each side.
func (p placements) defined() bool { return len(p.positives) > 1 && len(p.negatives) > 1 }

func (p placements) auc() float64 {
	if len(p.positives) == 0 || len(p.negatives) == 0 {
		return math.NaN()
	}
	return stat.Mean(p.positives, nil)
}

// covariance is that of the AUCs of two classifiers on the same rows.
func (p placements) covariance(q placements) float64 {
	if !p.defined() {
		return math.NaN()
	}
	return stat.Covariance(p.positives, q.positives, nil)/float64(len(p.positives)) +
		stat.Covariance(p.negatives, q.negatives, nil)/float64(len(p.negatives))
}

func (p placements) interval(level float64) AUCInterval {
	auc, se := p.auc(), math.Sqrt(p.covariance(p))
	z := normalQuantile(level)
	out := AUCInterval{AUC: number(auc), StdErr: number(se), Low: number(auc - z*se), High: number(auc + z*se)}
	if p.defined() {
		out.Low, out.High = max(out.Low, 0), min(out.High, 1)
	}
	return out
}

// normalQuantile is how many standard deviations on both sides of the mean hold
// the share level of a normal distribution.
func normalQuantile(level float64) float64 { return distuv.UnitNormal.Quantile((1 + level) / 2) }

// AUCDifference compares the AUCs of one class of two classifiers on the same
// rows (DeLong's test for correlated curves).
type AUCDifference struct {
	Class      string `json:"class"`
	A          number `json:"a"`
	B          number `json:"b"`
	Difference number `json:"difference"` // B - A
	Low        number `json:"low"`
	High       number `json:"high"`
	Z          number `json:"z"`
	P          number `json:"p"` // two-sided
}

func aucDifference(class string, a, b placements, level float64) AUCDifference {
	difference := b.auc() - a.auc()
	// Rounding may leave a variance of 0 below it.
	se := math.Sqrt(max(a.covariance(a)+b.covariance(b)-2*a.covariance(b), 0))
	z := difference / se
	if difference == 0 && se == 0 {
		z = 0
	}
	half := normalQuantile(level) * se
	return AUCDifference{Class: class, A: number(a.auc()), B: number(b.auc()), Difference: number(difference),
		Low: number(difference - half), High: number(difference + half),
		Z: number(z), P: number(math.Erfc(math.Abs(z) / math.Sqrt2))}
}
