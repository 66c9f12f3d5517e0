package augment

import (
	"math"
	"math/rand/v2"
)

// DrawJitter decides the steps of torchvision's ColorJitter: brightness, contrast and saturation in a random order.
// Each factor is uniform from 1 - strength, at least 0, to 1 + strength.
func DrawJitter(rng *rand.Rand, strength float64) []Step {
	steps := make([]Step, 0, 3)
	for _, name := range []string{"Brightness", "Contrast", "Color"} {
		low, high := math.Max(0, 1-strength), 1+strength
		steps = append(steps, Step{op: find(name), Arg: low + (high-low)*rng.Float64()})
	}
	rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	return steps
}
