package data

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"fovea/data/pixels"
)

// EvalTransform prepares images for evaluation: it resizes them and cuts out the centre, as torchvision's Resize
// (bicubic) and CenterCrop do.
type EvalTransform struct {
	Size   int // S
	Resize ResizeRule
	// CropPct is the fraction that the crop keeps of the resized sides, which are floor(S/CropPct) pixels long. 0 means
	// all with Squash, else RETFound's rule, CropFraction.
	CropPct   float64
	Mean, Std [3]float32
	Reading   Reading
}

// A ResizeRule says which sides of an image are resized to one length.
type ResizeRule string

// The rules. An empty one means Crop.
const (
	Crop   ResizeRule = "crop"   // the shorter side; the longer one stays in proportion
	Squash ResizeRule = "squash" // both, as timm's crop_mode "squash": the whole image becomes a square
)

// CropFraction returns RETFound's fraction of the shorter side that stays, for images of size pixels
// (util/datasets.py): 0.875 up to 224, else 1.
func CropFraction(size int) float64 {
	if size <= 224 {
		return 0.875
	}
	return 1
}

// NewEvalTransform returns RETFound's transform for validation and test, with images of size×size pixels.
func NewEvalTransform(size int) EvalTransform {
	return EvalTransform{Size: size, Mean: ImageNetMean, Std: ImageNetStd}
}

// Check returns an error if a setting cannot work.
func (t EvalTransform) Check() error {
	if t.CropPct != 0 && !(t.CropPct > 0 && t.CropPct <= 1) {
		return fmt.Errorf("crop fraction %g: it must be above 0 and at most 1, or 0 for the rule", t.CropPct)
	}
	if t.Resize != "" && t.Resize != Crop && t.Resize != Squash {
		return fmt.Errorf("resize %q: it must be %s or %s", t.Resize, Crop, Squash)
	}
	return checkOutput(t.Size, t.Std)
}

// Side returns Size.
func (t EvalTransform) Side() int  { return t.Size }
func (t EvalTransform) views() int { return 1 }

func (t EvalTransform) reading() Reading { return t.Reading }

// Apply writes img as one tensor [3,S,S]. It does not use rng, which may be nil.
func (t EvalTransform) Apply(dst []float32, img *image.NRGBA, _ *rand.Rand) error {
	img, err := t.crop(img)
	if err != nil {
		return err
	}
	normalize(dst, img, t.Mean, t.Std)
	return nil
}

func (t EvalTransform) applyFile(dst []float32, file []byte, rng *rand.Rand) (pixels.Notes, error) {
	img, notes, err := t.Reading.DecodeBytes(file)
	if err != nil {
		return 0, err
	}
	return notes, t.Apply(dst, img, rng)
}

// cached returns the form of the crop before normalisation. A cache of it changes no result.
func (t EvalTransform) cached(int) cachedForm {
	return cachedForm{name: t.cacheName("eval"), prepare: t.crop}
}

// cacheName returns the name of a cached form of that kind. It holds all settings that the form depends on.
func (t EvalTransform) cacheName(kind string) string {
	name := fmt.Sprintf("%s-%d-%g", kind, t.Size, t.Fraction())
	if t.Resize == Squash {
		name += "-squash"
	}
	return name + t.Reading.suffix()
}

func (t EvalTransform) applyCached(dst []float32, img *image.NRGBA, _ *rand.Rand) error {
	normalize(dst, img, t.Mean, t.Std)
	return nil
}

// crop returns the S×S pixels that become the tensor.
func (t EvalTransform) crop(img *image.NRGBA) (*image.NRGBA, error) {
	img, err := t.resize(img)
	if err != nil {
		return nil, err
	}
	return resizeCrop(img, t.centre(img.Rect.Dx(), img.Rect.Dy()), t.Size, t.Size), nil
}

// resize scales the shorter side, or both, to ShorterSide.
func (t EvalTransform) resize(img *image.NRGBA) (*image.NRGBA, error) {
	if err := t.CheckPixels(img.Rect.Dx(), img.Rect.Dy(), pixels.Limit()); err != nil {
		return nil, err
	}
	w, h := t.resizedSize(img.Rect.Dx(), img.Rect.Dy())
	return resizeCrop(img, img.Rect, w, h), nil
}

// CheckPixels returns an error that wraps ErrTooLarge if an image of w×h has more than most pixels, or would have them
// after it is resized.
func (t EvalTransform) CheckPixels(w, h, most int) error {
	if w > most/h {
		return fmt.Errorf("%d×%d pixels are %w of %d", w, h, ErrTooLarge, most)
	}
	if rw, rh := t.resizedSize(w, h); rw > most/rh { // a strip: the longer side is the problem
		return fmt.Errorf("%d×%d pixels become %d×%d, %w of %d pixels; cut the image", w, h, rw, rh, ErrTooLarge, most)
	}
	return nil
}

// Fraction returns CropPct, or what 0 stands for.
func (t EvalTransform) Fraction() float64 {
	switch {
	case t.CropPct != 0:
		return t.CropPct
	case t.Resize == Squash:
		return 1
	}
	return CropFraction(t.Size)
}

// resizedSize returns the size that an image of w×h has before the centre crop.
func (t EvalTransform) resizedSize(w, h int) (int, int) {
	short := t.ShorterSide()
	switch {
	case t.Resize == Squash:
		return short, short
	case w <= h:
		return short, short * h / w
	}
	return short * w / h, short
}

// centre returns the box that is cut out of an image of w×h. Half pixels round to the even offset, as in Python.
func (t EvalTransform) centre(w, h int) image.Rectangle {
	left := int(math.RoundToEven(float64(w-t.Size) / 2))
	top := int(math.RoundToEven(float64(h-t.Size) / 2))
	return image.Rect(left, top, left+t.Size, top+t.Size)
}

// ShorterSide returns the length, in pixels, to which the shorter side of an image is resized, with Squash both:
// floor(S/CropPct).
func (t EvalTransform) ShorterSide() int { return int(math.Floor(float64(t.Size) / t.Fraction())) }
