package evaluation

import (
	"math"
	"slices"
)

// Softmax turns the logits of an image into probabilities, in place: in float64, so that those near 1 do not tie.
func Softmax(row []float64) {
	largest, sum := slices.Max(row), 0.0
	for i, x := range row {
		row[i] = math.Exp(x - largest)
		sum += row[i]
	}
	for i := range row {
		row[i] /= sum
	}
}
