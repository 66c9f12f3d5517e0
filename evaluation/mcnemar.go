package evaluation

import "math"

// McNemar tests whether two classifiers are right equally often on the same images (McNemar, 1947), from those on which
// one of them alone is.
type McNemar struct {
	OnlyA     int     `json:"only_a_right"`
	OnlyB     int     `json:"only_b_right"`
	ExactP    float64 `json:"exact_p"`    // two-sided binomial: 2·P(X ≤ min), at most 1
	ChiSquare float64 `json:"chi_square"` // (|a-b| - 1)² / (a+b), with continuity correction; 0 for a = b
	P         float64 `json:"p"`          // of ChiSquare, one degree of freedom
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
