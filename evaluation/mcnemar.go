package evaluation

import "math"

// McNemar tests whether two classifiers are right equally often on the same images (McNemar, 1947), from those on which
// one of them alone is. With several images a patient the tests are those of [clusteredMcNemar].
type McNemar struct {
	OnlyA     int     `json:"only_a_right"`
	OnlyB     int     `json:"only_b_right"`
	ExactP    float64 `json:"exact_p"`            // two-sided binomial: 2·P(X ≤ min), at most 1
	ChiSquare float64 `json:"chi_square"`         // (|a-b| - 1)² / (a+b), with continuity correction; 0 for a = b
	P         float64 `json:"p"`                  // of ChiSquare, one degree of freedom
	Patients  int     `json:"patients,omitempty"` // of a test by patient
}

// NewMcNemar tests the counts. Without a discordant image nothing speaks for a difference: both P are 1.
func NewMcNemar(onlyA, onlyB int) McNemar {
	m := McNemar{OnlyA: onlyA, OnlyB: onlyB, ExactP: 1, P: 1}
	n := float64(onlyA + onlyB)
	if n == 0 {
		return m
	}
	gap := max(math.Abs(float64(onlyA-onlyB))-1, 0) // corrected no further than to 0
	m.ChiSquare = gap * gap / n
	m.P = math.Erfc(math.Sqrt(m.ChiSquare / 2))
	m.ExactP = min(1, 2*halfBinomialCDF(min(onlyA, onlyB), onlyA+onlyB))
	return m
}

// clusteredMcNemar tests images of patients. gaps holds, for each patient, the images that B alone has right less those
// that A alone has right. If both are equally good, a patient's gap is as likely to be of either sign. ExactP is the
// share of all 2^n choices of signs whose sum is at least as far from 0; with one image a patient that is McNemar's
// exact test. ChiSquare is that of Obuchowski (1998), (n-1)/n · (Σ gap)² / Σ gap².
func clusteredMcNemar(gaps []int, onlyA, onlyB int) McNemar {
	m := McNemar{OnlyA: onlyA, OnlyB: onlyB, ExactP: 1, P: 1, Patients: len(gaps)}
	var sum, squares, largest, moved int
	for _, g := range gaps {
		sum, squares, largest = sum+g, squares+g*g, largest+max(g, -g)
		if g != 0 {
			moved++
		}
	}
	if squares == 0 {
		return m
	}
	n := float64(len(gaps))
	m.ChiSquare = (n - 1) / n * float64(sum*sum) / float64(squares)
	m.P = math.Erfc(math.Sqrt(m.ChiSquare / 2))
	const most = 1 << 28 // steps, a second or so
	if largest*moved > most {
		m.ExactP = math.Erfc(math.Abs(float64(sum)) / math.Sqrt(2*float64(squares))) // so many signs sum to a normal variable
		return m
	}
	// chance[s] is that of a sum of 2s - reach, of the patients so far.
	chance, reach := []float64{1}, 0
	for _, g := range gaps {
		if g = max(g, -g); g == 0 {
			continue
		}
		next := make([]float64, len(chance)+g)
		for s, p := range chance {
			next[s] += p / 2
			next[s+g] += p / 2
		}
		chance, reach = next, reach+g
	}
	m.ExactP = 0
	for s, p := range chance {
		if v := 2*s - reach; max(v, -v) >= max(sum, -sum) {
			m.ExactP += p
		}
	}
	m.ExactP = min(1, m.ExactP)
	return m
}

// halfBinomialCDF returns P(X ≤ k) of X ~ Binomial(n, 1/2), k ≤ n/2. It sums from the largest term down, each a ratio
// of the one above: the incomplete beta function loses digits in the far tail.
func halfBinomialCDF(k, n int) float64 {
	lgamma := func(x int) float64 { v, _ := math.Lgamma(float64(x)); return v }
	term, sum := 1.0, 0.0
	for i := k; i >= 0 && term > sum*0x1p-60; i-- {
		sum += term
		term *= float64(i) / float64(n-i+1)
	}
	return sum * math.Exp(lgamma(n+1)-lgamma(k+1)-lgamma(n-k+1)-float64(n)*math.Ln2)
}
