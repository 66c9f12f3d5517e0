package evaluation

import (
	"cmp"
	"math"
	"slices"
)

// holm corrects p values for their number (Holm, 1979): the chance that any of them falls below a level by chance alone
// is at most that level. An undefined p value (NaN) stays undefined and does not count.
func holm(ps []float64) []float64 {
	out := slices.Clone(ps)
	var order []int
	for i, p := range ps {
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	largest := 0.0
	for k, i := range order {
		largest = max(largest, min(1, ps[i]*float64(len(order)-k)))
		out[i] = largest
	}
	return out
}
