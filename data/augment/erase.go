package augment

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
)

// EraseMode names what replaces erased pixels.
type EraseMode string

// The modes of erasing.
const (
	ErasePixel EraseMode = "pixel" // standard normal noise for each value
	EraseRand  EraseMode = "rand"  // one standard normal colour for each box
	EraseConst EraseMode = "const" // 0
)

// Eraser erases boxes of normalised images, as timm's RandomErasing does.
type Eraser struct {
	Probability float64 // of erasing boxes of an image
	Mode        EraseMode
	Count       int // largest number of boxes
}

// Check returns an error if a setting cannot work.
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

// Draw decides which boxes of an image of side×side pixels are erased. Together they have 2 % to a third of the image's
// area. The height/width of each lies between 0.3 and 1/0.3, and its logarithm is uniform.
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

// Apply erases the boxes of x, an image [3,S,S] with S = side.
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
