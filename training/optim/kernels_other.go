//go:build !amd64

package optim

func adamw(p, g, m, v []float32, c *Coefficients) { adamwGo(p, g, m, v, c) }

func sumSquares(x []float32) float64 { return sumSquaresGo(x) }

func add(dst, src []float32) { addGo(dst, src) }

func average(dst, src []float32, keep, take float32) { averageGo(dst, src, keep, take) }
