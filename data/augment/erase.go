package augment

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
)

// EraseMode says what erased pixels become.
type EraseMode string

const (
	ErasePixel EraseMode = "pixel" // standard normal noise, each its own
	EraseRand  EraseMode = "rand"  // one standard normal colour a box
	EraseConst EraseMode = "const" // 0
)

// Eraser is timm's RandomErasing of normalised images.
type Eraser struct {
	Probability float64 // that boxes of an image are erased
	Mode        EraseMode
	Count       int // boxes at most
}

// Check reports a setting that cannot work.
func (e Eraser) Check() error {
	switch {
	case !(e.Probability >= 0 && e.Probability <= 1):
		return fmt.Errorf("probability %g of erasing: it must lie in [0, 1]", e.Probability)
	case e.Probability == 0:
		return nil
	case e.Count < 1:
		return fmt.Errorf("%d boxes to erase: there must be at least 1", e.Count)
	case e.Mode != ErasePixel && e.Mode != EraseRand && e.Mode != EraseConst:
		return fmt.Errorf("mode %q of erasing: it must be pixel, rand or const", e.Mode)
	}
	return nil
}

// Draw decides which boxes of an image of side×side pixels are erased. Together they have an area of 2 % to a third of
// the image's, and each a height/width of 0.3 to 1/0.3, whose logarithm is uniform.
func (e Eraser) Draw(rng *rand.Rand, side int) []image.Rectangle {
	if rng.Float64() >= e.Probability {
		return nil
	}
	count := 1 + rng.IntN(e.Count)
	var boxes []image.Rectangle
	for range count {
		for range 10 {
			area := (0.02 + (1./3-0.02)*rng.Float64()) * float64(side*side) / float64(count)
			ratio := math.Exp(math.Log(0.3) * (1 - 2*rng.Float64()))
			h := int(math.RoundToEven(math.Sqrt(area * ratio)))
			w := int(math.RoundToEven(math.Sqrt(area / ratio)))
			if w < side && h < side {
				top, left := rng.IntN(side-h+1), rng.IntN(side-w+1)
				boxes = append(boxes, image.Rect(left, top, left+w, top+h))
				break
			}
		}
	}
	return boxes
}

// Apply erases the boxes of x, an image [3,S,S].
func (e Eraser) Apply(x []float32, side int, boxes []image.Rectangle, rng *rand.Rand) {
	for _, b := range boxes {
		for channel := range 3 {
			var v float32
			if e.Mode == EraseRand {
				v = float32(rng.NormFloat64())
			}
			for y := b.Min.Y; y < b.Max.Y; y++ {
				line := x[(channel*side+y)*side:][b.Min.X:b.Max.X]
				for i := range line {
					if e.Mode == ErasePixel {
						v = float32(rng.NormFloat64())
					}
					line[i] = v
				}
			}
		}
	}
}
