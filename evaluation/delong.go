package evaluation

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// AUCInterval is an area under a ROC curve with the standard error of DeLong, DeLong and Clarke-Pearson (1988).
type AUCInterval struct {
	AUC    Number `json:"auc"`
	StdErr Number `json:"std_err"`
	Low    Number `json:"low"`
	High   Number `json:"high"`
}

// placements holds DeLong's structural components of one class against the rest. They are whole numbers, so that equal
// ones are equal to the bit.
type placements struct {
	positives []float64 // of each row of the class: twice the number of other rows that score lower, a tie counting half
	negatives []float64 // of each other row: twice the number of rows of the class that score higher, likewise
}

// newPlacements computes the placements of a ranking in the order of rows, so that those of two classifiers pair. One
// pass over sorted rows gives what Sun and Xu (2014) compute from midranks.
func newPlacements(ranking []entry, positive uint16) placements {
	values := make([]float64, len(ranking)) // by row
	class := make([]bool, len(ranking))
	first, before := 0, corner{} // of the rows with one score
	var at corner
	for i, e := range ranking {
		class[e.row] = e.class == positive
		if class[e.row] {
			at.hits++
		} else {
			at.misses++
		}
		if !e.last {
			continue
		}
		for _, e := range ranking[first : i+1] {
			values[e.row] = float64(before.hits + at.hits)
			if class[e.row] {
				values[e.row] = float64(before.misses + at.misses) // of those above: below is the rest
			}
		}
		first, before = i+1, at
	}
	var p placements
	for row, v := range values {
		if class[row] {
			p.positives = append(p.positives, float64(2*at.misses)-v)
		} else {
			p.negatives = append(p.negatives, v)
		}
	}
	return p
}

// less returns p - q of the same rows: the components of the difference of the AUCs.
func (p placements) less(q placements) placements {
	return placements{floats.SubTo(make([]float64, len(p.positives)), p.positives, q.positives),
		floats.SubTo(make([]float64, len(p.negatives)), p.negatives, q.negatives)}
}

// defined reports whether there is a variance, which takes two rows on each side.
func (p placements) defined() bool { return len(p.positives) > 1 && len(p.negatives) > 1 }

// auc returns the AUC, or NaN without a row on each side. The sum is exact.
func (p placements) auc() float64 {
	return floats.Sum(p.positives) / (2 * float64(len(p.positives)) * float64(len(p.negatives)))
}

func (p placements) standardError() float64 {
	if !p.defined() {
		return math.NaN()
	}
	m, n := float64(len(p.positives)), float64(len(p.negatives))
	return math.Sqrt(stat.Variance(p.positives, nil)/m/(4*n*n) + stat.Variance(p.negatives, nil)/n/(4*m*m))
}

// interval returns logit(AUC) ± z·σ/(AUC(1-AUC)) on the scale of the AUC. If all pairs are in one order, σ is 0. The
// other end is then that of Clopper and Pearson's interval for as many successes as the smaller side has rows.
func (p placements) interval(level float64) AUCInterval {
	auc, se := p.auc(), p.standardError()
	out := AUCInterval{Number(auc), Number(se), Number(math.NaN()), Number(math.NaN())}
	if !p.defined() {
		return out
	}
	smaller := min(len(p.positives), len(p.negatives))
	switch auc {
	case 0:
		out.Low, out.High = 0, Number(1-flawlessLow(smaller, level))
	case 1:
		out.Low, out.High = Number(flawlessLow(smaller, level)), 1
	default:
		odds := math.Exp(normalQuantile(level) * se / (auc * (1 - auc)))
		out.Low, out.High = Number(auc/(auc+(1-auc)*odds)), Number(auc/(auc+(1-auc)/odds))
	}
	return out
}

// flawlessLow returns the lower end of Clopper and Pearson's interval (1934) for n successes of n.
func flawlessLow(n int, level float64) float64 { return math.Pow((1-level)/2, 1/float64(n)) }

// normalQuantile returns z such that a normal variable lies within z standard deviations of its mean with probability
// level.
func normalQuantile(level float64) float64 { return distuv.UnitNormal.Quantile((1 + level) / 2) }

// AUCDifference compares the AUCs of one class of two classifiers on the same rows (DeLong's test for correlated
// curves).
type AUCDifference struct {
	Class      string `json:"class"`
	A          Number `json:"a"`
	B          Number `json:"b"`
	Difference Number `json:"difference"` // B - A
	Low        Number `json:"low"`
	High       Number `json:"high"`
	Z          Number `json:"z"`
	P          Number `json:"p"` // two-sided
}

func aucDifference(class string, a, b placements, level float64) AUCDifference {
	d := b.less(a)
	difference, se := d.auc(), d.standardError()
	half := normalQuantile(level) * se
	out := AUCDifference{Class: class, A: Number(a.auc()), B: Number(b.auc()), Difference: Number(difference),
		Low: Number(difference - half), High: Number(difference + half)}
	switch {
	case se > 0:
		out.Z = Number(difference / se)
		out.P = Number(math.Erfc(math.Abs(difference/se) / math.Sqrt2))
	case se == 0 && difference == 0: // every row is placed alike
		out.Z, out.P = 0, 1
	default: // too few rows, or no row placed differently from the next: nothing to test with
		nan := Number(math.NaN())
		out.Low, out.High, out.Z, out.P = nan, nan, nan, nan
	}
	return out
}
