package optim

import (
	"math"

	"fovea/internal/parallel"
)

// Norm returns the L2 norm of an arena, summed in float64. It is infinite or NaN if and only if an element is. Chunks
// of a fixed size are summed on their own and their sums added in order, so that the result does not depend on workers,
// the number of goroutines (below 1: one for each processor).
func Norm(g []float32, workers int) float64 { return Root(SumSquares(g, workers)) }

// SumSquares returns the sum of the squares of each [Chunk] of an arena. The last one may be shorter.
func SumSquares(g []float32, workers int) []float64 {
	sums := make([]float64, chunks(len(g)))
	parallel.Each(workers, len(sums), func(i int) {
		sums[i] = sumSquares(g[i*Chunk : min((i+1)*Chunk, len(g))])
	})
	return sums
}

// Root returns the L2 norm from what [SumSquares] returns of an arena, or of its parts, in order.
func Root(sums []float64) float64 {
	var total float64
	for _, s := range sums {
		total += s
	}
	return math.Sqrt(total)
}

// ClipScale returns the factor that brings a gradient of the given norm down to a norm of at most maxNorm
// (torch.nn.utils.clip_grad_norm_). A maxNorm of 0 or less means no clipping.
func ClipScale(norm, maxNorm float64) float64 {
	if maxNorm <= 0 {
		return 1
	}
	return min(1, maxNorm/(norm+1e-6))
}

// lanes is the number of partial sums of sumSquares, enough to hide the latency of an addition.
const lanes = 32

// sumSquaresGo adds the squares of x to 32 partial sums, element i to sum i mod 32, and then folds the sums in halves.
// The square of a float32 is exact in float64, so a fused multiply-add rounds like the two operations.
func sumSquaresGo(x []float32) float64 {
	var sum [lanes]float64
	addSquaresGo(&sum, x)
	return fold(&sum)
}

// addSquaresGo adds the squares of x to the partial sums.
func addSquaresGo(sum *[lanes]float64, x []float32) {
	for len(x) >= lanes {
		for i, e := range x[:lanes] {
			sum[i] += float64(e) * float64(e)
		}
		x = x[lanes:]
	}
	for i, e := range x {
		sum[i] += float64(e) * float64(e)
	}
}

// fold returns the sum of the partial sums, added in halves.
func fold(sum *[lanes]float64) float64 {
	for n := lanes / 2; n > 0; n /= 2 {
		for i := range n {
			sum[i] += sum[i+n]
		}
	}
	return sum[0]
}
