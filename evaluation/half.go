package evaluation

import "fovea/internal/numbers"

// RoundHalf rounds to the nearest float16, of two the one with an even last bit. What lies beyond the largest, 65504,
// becomes infinite.
func RoundHalf(x float64) float64 { return float64(numbers.FromFloat16(numbers.ToFloat16(x))) }
