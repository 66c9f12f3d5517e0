package evaluation

import (
	"encoding/json"
	"math"

	"fovea/internal/numbers"
)

// Number is a float64 whose JSON is null where JSON has no number for it: what is not defined, or infinite.
type Number float64

func (n Number) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// RoundHalf rounds to the nearest float16, of two the one with an even last bit. What lies beyond the largest, 65504,
// becomes infinite.
func RoundHalf(x float64) float64 { return float64(numbers.FromFloat16(numbers.ToFloat16(x))) }
