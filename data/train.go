package data

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"fovea/data/augment"
	"fovea/data/pixels"
)

// TrainTransform prepares images for training. It crops at random, resizes to S×S and rearranges the pixels: first the
// flips, then the turn, then the shift. Then it changes colours and shapes, normalises, and erases.
type TrainTransform struct {
	Size           int        // S
	Scale          [2]float64 // range of the crop's area, as a fraction of the image's
	Ratio          [2]float64 // range of the crop's width/height; its logarithm is uniform
	HorizontalFlip float64    // probability
	VerticalFlip   float64    // probability
	QuarterTurns   bool       // turn by 0, 90, 180 or 270 degrees with equal probability
	// Shift is the largest shift, as a fraction of S. Both components are uniform integers; pixels that come in from
	// outside repeat the edge.
	Shift float64
	// Policy changes colours and shapes, unless it is nil. Pixels that come in from outside get the colour Mean.
	Policy      *augment.Policy
	ColorJitter float64 // strength, see augment.DrawJitter; must be 0 beside a Policy without TakesJitter
	Mean, Std   [3]float32
	Erase       augment.Eraser
	Reading     Reading
}

// NewTrainTransform returns RETFound's transform for training without its policy and erasing: torchvision's
// RandomResizedCrop and a horizontal flip.
func NewTrainTransform(size int) TrainTransform {
	return TrainTransform{
		Size:           size,
		Scale:          [2]float64{0.08, 1},
		Ratio:          [2]float64{3. / 4, 4. / 3},
		HorizontalFlip: 0.5,
		Mean:           ImageNetMean,
		Std:            ImageNetStd,
	}
}

// Check returns an error if a setting cannot work.
func (t TrainTransform) Check() error {
	if !(t.Scale[0] > 0 && t.Scale[0] <= t.Scale[1] && t.Scale[1] <= 1) {
		return fmt.Errorf("crop scale %g to %g: it must rise and lie in (0, 1]", t.Scale[0], t.Scale[1])
	}
	if !(t.Ratio[0] > 0 && t.Ratio[0] <= t.Ratio[1]) || math.IsInf(t.Ratio[1], 1) {
		return fmt.Errorf("crop ratio %g to %g: it must rise and lie above 0", t.Ratio[0], t.Ratio[1])
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"horizontal flip", t.HorizontalFlip}, {"vertical flip", t.VerticalFlip}, {"shift", t.Shift}} {
		if !(p.value >= 0 && p.value <= 1) {
			return fmt.Errorf("%s %g: it must lie in [0, 1]", p.name, p.value)
		}
	}
	if !(t.ColorJitter >= 0) || math.IsInf(t.ColorJitter, 1) {
		return fmt.Errorf("colour jitter %g: it must be at least 0", t.ColorJitter)
	}
	if t.ColorJitter > 0 && t.Policy != nil && !t.Policy.TakesJitter() {
		return fmt.Errorf("colour jitter %g beside a policy: use one of them", t.ColorJitter)
	}
	if err := t.Erase.Check(); err != nil {
		return err
	}
	return checkOutput(t.Size, t.Std)
}

// Side returns Size.
func (t TrainTransform) Side() int  { return t.Size }
func (t TrainTransform) views() int { return 1 }

func (t TrainTransform) reading() Reading { return t.Reading }

// Apply writes img as one tensor [3,S,S].
func (t TrainTransform) Apply(dst []float32, img *image.NRGBA, rng *rand.Rand) error {
	return t.toTensor(dst, resizeCrop(img, t.cropBox(img.Rect.Dx(), img.Rect.Dy(), rng), t.Size, t.Size), rng)
}

// applyFile does what Apply does for the content of an image file, of which it decodes no more than the crop needs (see
// decodeCrop).
func (t TrainTransform) applyFile(dst []float32, file []byte, rng *rand.Rand) (pixels.Notes, error) {
	w, h, err := DecodeSize(file)
	if err != nil {
		return 0, err
	}
	img, err := t.Reading.decodeCrop(file, t.cropBox(w, h, rng), t.Size)
	if err != nil {
		return 0, err
	}
	return 0, t.toTensor(dst, img, rng)
}

// cached returns the form of the whole image. A larger one is scaled down to a shorter side of side pixels.
func (t TrainTransform) cached(side int) cachedForm {
	return cachedForm{name: fmt.Sprintf("train-%d", side) + t.Reading.suffix(), prepare: func(img *image.NRGBA) (*image.NRGBA, error) {
		w, h := img.Rect.Dx(), img.Rect.Dy()
		short := min(w, h)
		if short <= side {
			return img, nil
		}
		scaled := func(v int) int { return (2*v*side + short) / (2 * short) }
		return resizeCrop(img, img.Rect, scaled(w), scaled(h)), nil
	}}
}

func (t TrainTransform) applyCached(dst []float32, img *image.NRGBA, rng *rand.Rand) error {
	return t.Apply(dst, img, rng)
}

// toTensor does the steps after the crop, from S×S pixels to the tensor.
func (t TrainTransform) toTensor(dst []float32, img *image.NRGBA, rng *rand.Rand) error {
	img = t.drawArrangement(rng).apply(img)
	if t.Policy != nil {
		img = t.Policy.Draw(rng).Apply(img, t.fill())
	}
	if t.ColorJitter > 0 {
		img = augment.Apply(img, augment.DrawJitter(rng, t.ColorJitter), t.fill())
	}
	normalize(dst, img, t.Mean, t.Std)
	t.Erase.Apply(dst, t.Size, t.Erase.Draw(rng, t.Size), rng)
	return nil
}

// fill returns Mean as a colour, timm's img_mean.
func (t TrainTransform) fill() color.NRGBA {
	var v [3]uint8
	for c, m := range t.Mean {
		v[c] = uint8(min(max(math.RoundToEven(255*float64(m)), 0), 255))
	}
	return color.NRGBA{R: v[0], G: v[1], B: v[2], A: 255}
}

// cropBox draws the box of torchvision's RandomResizedCrop.get_params for an image of w×h. After ten attempts that do
// not fit it takes the centre, clamped to the range of the ratio.
func (t TrainTransform) cropBox(w, h int, rng *rand.Rand) image.Rectangle {
	area := float64(w * h)
	for range 10 {
		a := area * uniform(rng, t.Scale[0], t.Scale[1])
		r := math.Exp(uniform(rng, math.Log(t.Ratio[0]), math.Log(t.Ratio[1])))
		cw := int(math.RoundToEven(math.Sqrt(a * r)))
		ch := int(math.RoundToEven(math.Sqrt(a / r)))
		if 0 < cw && cw <= w && 0 < ch && ch <= h {
			top := rng.IntN(h - ch + 1)
			left := rng.IntN(w - cw + 1)
			return image.Rect(left, top, left+cw, top+ch)
		}
	}
	cw, ch := w, h
	switch r := float64(w) / float64(h); {
	case r < t.Ratio[0]:
		ch = max(1, int(math.RoundToEven(float64(w)/t.Ratio[0])))
	case r > t.Ratio[1]:
		cw = max(1, int(math.RoundToEven(float64(h)*t.Ratio[1])))
	}
	left, top := (w-cw)/2, (h-ch)/2
	return image.Rect(left, top, left+cw, top+ch)
}

// An arrangement is a symmetry of the square followed by a shift.
type arrangement struct {
	flipX, flipY bool
	turns        int // quarter turns, counter-clockwise
	dx, dy       int
}

// drawArrangement always takes the same number of random numbers, also for what is switched off, so that one setting
// does not change another's draws.
func (t TrainTransform) drawArrangement(rng *rand.Rand) arrangement {
	a := arrangement{
		flipX: rng.Float64() < t.HorizontalFlip,
		flipY: rng.Float64() < t.VerticalFlip,
	}
	if turns := rng.IntN(4); t.QuarterTurns {
		a.turns = turns
	}
	most := t.Shift * float64(t.Size)
	a.dx = shiftFrom(rng.Float64(), int(most))
	a.dy = shiftFrom(rng.Float64(), int(most))
	return a
}

// shiftFrom maps u in [0,1) to the integers -most to most.
func shiftFrom(u float64, most int) int {
	return int(u*float64(2*most+1)) - most
}

// apply returns the rearranged copy of a square image, or the image itself if nothing moves.
func (a arrangement) apply(img *image.NRGBA) *image.NRGBA {
	if a == (arrangement{}) {
		return img
	}
	n := img.Rect.Dx()
	out := image.NewNRGBA(image.Rect(0, 0, n, n))
	flips := arrangement{flipX: a.flipX, flipY: a.flipY}
	for y := range n {
		if a == flips {
			_, sy := a.source(0, y, n)
			flipRow(out.Pix[y*out.Stride:][:4*n], img.Pix[sy*img.Stride:][:4*n], a.flipX)
			continue
		}
		for x := range n {
			sx, sy := a.source(x, y, n)
			copy(out.Pix[y*out.Stride+4*x:][:4], img.Pix[sy*img.Stride+4*sx:][:4])
		}
	}
	return out
}

// flipRow copies a row of pixels, in reverse order if flip is set.
func flipRow(to, from []uint8, flip bool) {
	if !flip {
		copy(to, from)
		return
	}
	for len(to) >= 4 {
		end := len(from) - 4
		binary.LittleEndian.PutUint32(to, binary.LittleEndian.Uint32(from[end:]))
		to, from = to[4:], from[:end]
	}
}

// source returns the position in an n×n image of the pixel that ends at (x, y). It takes the steps backwards.
func (a arrangement) source(x, y, n int) (int, int) {
	x = min(max(x-a.dx, 0), n-1)
	y = min(max(y-a.dy, 0), n-1)
	for range a.turns {
		x, y = n-1-y, x
	}
	if a.flipY {
		y = n - 1 - y
	}
	if a.flipX {
		x = n - 1 - x
	}
	return x, y
}
