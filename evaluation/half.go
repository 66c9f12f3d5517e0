package evaluation

import "math"

// RoundHalf rounds to the nearest float16, of two the one with an even last
// bit. What lies beyond the largest, 65504, becomes infinite.
func RoundHalf(x float64) float64 {
	_, exponent := math.Frexp(x)
	spacing := math.Ldexp(1, max(exponent-11, -24)) // of float16 at x
	rounded := math.RoundToEven(x/spacing) * spacing
	if math.Abs(rounded) > 65504 {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return rounded
}
