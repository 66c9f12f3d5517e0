package data

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
)

// EvalTransform resizes the shorter side and cuts out the centre, as torchvision's Resize (bicubic) and CenterCrop.
type EvalTransform struct {
	Size int // S
	// CropPct is the part of the shorter side that stays: it is resized to floor(S/CropPct). 0 is RETFound's rule,
	// CropFraction.
	CropPct   float64
	Mean, Std [3]float32
}

// CropFraction is RETFound's crop fraction for images of size pixels (util/datasets.py): 0.875 up to 224, else 1.
func CropFraction(size int) float64 {
	if size <= 224 {
		return 0.875
	}
	return 1
}

// NewEvalTransform is RETFound's transform for validation and test.
func NewEvalTransform(size int) EvalTransform {
	return EvalTransform{Size: size, Mean: ImageNetMean, Std: ImageNetStd}
}

func (t EvalTransform) Check() error {
	if t.CropPct != 0 && !(t.CropPct > 0 && t.CropPct <= 1) {
		return fmt.Errorf("crop fraction %g: it must be above 0 and at most 1, or 0 for the rule", t.CropPct)
	}
	return checkOutput(t.Size, t.Std)
}

func (t EvalTransform) Side() int  { return t.Size }
func (t EvalTransform) views() int { return 1 }

// Apply does not use rng, which may be nil.
func (t EvalTransform) Apply(dst []float32, img *image.NRGBA, _ *rand.Rand) error {
	img, err := t.crop(img)
	if err != nil {
		return err
	}
	normalize(dst, img, t.Mean, t.Std)
	return nil
}

func (t EvalTransform) applyFile(dst []float32, file []byte, rng *rand.Rand) error {
	img, err := DecodeBytes(file)
	if err != nil {
		return err
	}
	return t.Apply(dst, img, rng)
}

// kept is the crop, which is all that is used: a cache changes no result.
func (t EvalTransform) kept(int) form {
	return form{name: fmt.Sprintf("eval-%d-%g", t.Size, t.fraction()), prepare: t.crop}
}

func (t EvalTransform) applyKept(dst []float32, img *image.NRGBA, _ *rand.Rand) error {
	normalize(dst, img, t.Mean, t.Std)
	return nil
}

func (t EvalTransform) crop(img *image.NRGBA) (*image.NRGBA, error) {
	img, err := t.resize(img)
	if err != nil {
		return nil, err
	}
	return resizeCrop(img, t.centre(img.Rect.Dx(), img.Rect.Dy()), t.Size, t.Size), nil
}

// resize is what comes before the crop.
func (t EvalTransform) resize(img *image.NRGBA) (*image.NRGBA, error) {
	if err := t.CheckPixels(img.Rect.Dx(), img.Rect.Dy(), maxPixels); err != nil {
		return nil, err
	}
	w, h := t.resizedSize(img.Rect.Dx(), img.Rect.Dy())
	return resizeCrop(img, img.Rect, w, h), nil
}

// CheckPixels refuses an image of w×h pixels that has, or after it is resized would have, more than most.
func (t EvalTransform) CheckPixels(w, h, most int) error {
	if w > most/h {
		return fmt.Errorf("%d×%d pixels are %w of %d", w, h, ErrTooLarge, most)
	}
	if rw, rh := t.resizedSize(w, h); rw > most/rh { // a strip: the longer side is the problem
		return fmt.Errorf("%d×%d pixels become %d×%d, %w of %d pixels; cut the image", w, h, rw, rh, ErrTooLarge, most)
	}
	return nil
}

func (t EvalTransform) fraction() float64 {
	if t.CropPct == 0 {
		return CropFraction(t.Size)
	}
	return t.CropPct
}

// resizedSize is the size before the centre crop of an image of w×h.
func (t EvalTransform) resizedSize(w, h int) (int, int) {
	short := t.ShorterSide()
	if w <= h {
		return short, short * h / w
	}
	return short * w / h, short
}

// centre is the box that is cut out of w×h. Half pixels round to the even offset, as in Python.
func (t EvalTransform) centre(w, h int) image.Rectangle {
	left := int(math.RoundToEven(float64(w-t.Size) / 2))
	top := int(math.RoundToEven(float64(h-t.Size) / 2))
	return image.Rect(left, top, left+t.Size, top+t.Size)
}

// ShorterSide is what the shorter side of an image is resized to.
func (t EvalTransform) ShorterSide() int { return int(math.Floor(float64(t.Size) / t.fraction())) }
