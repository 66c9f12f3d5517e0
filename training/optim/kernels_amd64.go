package optim

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// adamwAVX2 does what adamwGo does for the first n elements; n is a multiple of 8.
//
//go:noescape
func adamwAVX2(p, grad, m, v *float32, n int, c *Coefficients)

// addSquaresAVX2 does what addSquaresGo does for the first n elements; n is a multiple of 32.
//
//go:noescape
func addSquaresAVX2(sum *[lanes]float64, x *float32, n int)

// addAVX2 does what addGo does for the first n elements; n is a multiple of 8.
//
//go:noescape
func addAVX2(dst, src *float32, n int)

// averageAVX2 does what averageGo does for the first n elements; n is a multiple of 8.
//
//go:noescape
func averageAVX2(dst, src *float32, n int, keep, take float32)

func adamw(p, g, m, v []float32, c *Coefficients) {
	n := 0
	if hasAVX2 && len(p) >= 8 {
		n = len(p) &^ 7
		adamwAVX2(&p[0], &g[0], &m[0], &v[0], n, c)
	}
	adamwGo(p[n:], g[n:], m[n:], v[n:], c)
}

func sumSquares(x []float32) float64 {
	var sum [lanes]float64
	n := 0
	if hasAVX2 && len(x) >= lanes {
		n = len(x) &^ (lanes - 1)
		addSquaresAVX2(&sum, &x[0], n)
	}
	addSquaresGo(&sum, x[n:])
	return fold(&sum)
}

func add(dst, src []float32) {
	n := 0
	if hasAVX2 && len(dst) >= 8 {
		n = len(dst) &^ 7
		addAVX2(&dst[0], &src[0], n)
	}
	addGo(dst[n:], src[n:])
}

func average(dst, src []float32, keep, take float32) {
	n := 0
	if hasAVX2 && len(dst) >= 8 {
		n = len(dst) &^ 7
		averageAVX2(&dst[0], &src[0], n, keep, take)
	}
	averageGo(dst[n:], src[n:], keep, take)
}
