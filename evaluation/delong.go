package evaluation

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// AUCInterval is an area under a ROC curve with the standard error of DeLong, DeLong and Clarke-Pearson (1988) or, with
// several rows a patient, of Obuchowski (1997).
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

	patients               *patients // nil, or one row each: rows are independent
	positiveOf, negativeOf []int32   // the patient of each
}

// placements returns those of a class.
func (s *sample) placements(class int) placements {
	p := newPlacements(s.rankings[class], uint16(class))
	if !s.patients.several() {
		return p
	}
	p.patients = s.patients
	for i, truth := range s.truth {
		if int(truth) == class {
			p.positiveOf = append(p.positiveOf, s.patients.of[i])
		} else {
			p.negativeOf = append(p.negativeOf, s.patients.of[i])
		}
	}
	return p
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
	p.positives = floats.SubTo(make([]float64, len(p.positives)), p.positives, q.positives)
	p.negatives = floats.SubTo(make([]float64, len(p.negatives)), p.negatives, q.negatives)
	return p
}

// units returns the numbers of patients, or of rows, on each side.
func (p placements) units() (positives, negatives int) {
	if p.patients == nil {
		return len(p.positives), len(p.negatives)
	}
	different := func(of []int32) int { return len(slices.Compact(slices.Sorted(slices.Values(of)))) }
	return different(p.positiveOf), different(p.negativeOf)
}

// defined reports whether there is a variance, which takes two patients, or rows, on each side.
func (p placements) defined() bool {
	positives, negatives := p.units()
	return positives > 1 && negatives > 1
}

// auc returns the AUC, or NaN without a row on each side. The sum is exact.
func (p placements) auc() float64 {
	return floats.Sum(p.positives) / (2 * float64(len(p.positives)) * float64(len(p.negatives)))
}

func (p placements) standardError() float64 {
	if !p.defined() {
		return math.NaN()
	}
	if p.patients != nil {
		return p.clusteredError()
	}
	m, n := float64(len(p.positives)), float64(len(p.negatives))
	return math.Sqrt(stat.Variance(p.positives, nil)/m/(4*n*n) + stat.Variance(p.negatives, nil)/n/(4*m*m))
}

// clusteredError returns the standard error of Obuchowski (1997, equation 5), which lets the rows of a patient depend
// on one another, on one side and across. Of a difference it is that of equations 7 and 8, for variances and covariance
// of two areas are those of the differences of their components.
func (p placements) clusteredError() float64 {
	m, n, auc := float64(len(p.positives)), float64(len(p.negatives)), p.auc()
	count := len(p.patients.rows)
	a, b := make([]float64, count), make([]float64, count) // of each patient: Σ (component - AUC) on each side
	for i, v := range p.positives {
		a[p.positiveOf[i]] += v/(2*n) - auc
	}
	for i, v := range p.negatives {
		b[p.negativeOf[i]] += v/(2*m) - auc
	}
	enlarge := func(n int) float64 { return float64(n) / float64(n-1) }
	positives, negatives := p.units()
	variance := enlarge(positives)*floats.Dot(a, a)/(m*m) + enlarge(negatives)*floats.Dot(b, b)/(n*n) +
		2*enlarge(count)*floats.Dot(a, b)/(m*n)
	return math.Sqrt(max(variance, 0))
}

// interval returns logit(AUC) ± z·σ/(AUC(1-AUC)) on the scale of the AUC. If all pairs are in one order, σ is 0. The
// other end is then that of Clopper and Pearson's interval for as many successes as the smaller side has patients, or
// rows.
func (p placements) interval(level float64) AUCInterval {
	auc, se := p.auc(), p.standardError()
	out := AUCInterval{Number(auc), Number(se), Number(math.NaN()), Number(math.NaN())}
	if !p.defined() {
		return out
	}
	smaller := min(p.units())
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
