package augment

import (
	"image"
	"image/color"
	"math"
)

// An op changes an image, as one of timm's operations does.
type op struct {
	name string
	// argument returns the op's argument from a level and a uniform number u in [0,1), which most ops use as a sign.
	// Levels lie between 0 and 10 unless the policy says otherwise. An op without an argument has nil.
	argument func(level, u float64) float64
	// apply writes the changed src to dst, another image of its size. Pixels that come in from outside get the colour
	// fill.
	apply func(dst, src *image.NRGBA, argument float64, fill color.NRGBA)
}

// A Step is an op with its argument decided.
type Step struct {
	op  *op
	Arg float64
}

// Name returns timm's name of the step's op.
func (s Step) Name() string { return s.op.name }

// maxLevel is the upper end of the ranges of timm's ops (_LEVEL_DENOM).
const maxLevel = 10

// ops lists timm's operations (LEVEL_TO_ARG and NAME_TO_OP).
var ops = []op{
	{"AutoContrast", nil, autoContrast},
	{"Equalize", nil, equalize},
	{"Invert", nil, invert},
	{"Rotate", signed(30), rotate},
	{"Posterize", posterizeBits, posterize},
	{"PosterizeIncreasing", func(l, u float64) float64 { return 4 - posterizeBits(l, u) }, posterize},
	{"PosterizeOriginal", func(l, u float64) float64 { return posterizeBits(l, u) + 4 }, posterize},
	{"Solarize", solarizeThreshold, solarize},
	{"SolarizeIncreasing", func(l, u float64) float64 { return 256 - solarizeThreshold(l, u) }, solarize},
	{"SolarizeAdd", func(l, _ float64) float64 { return math.Min(128, math.Trunc(l/maxLevel*110)) }, solarizeAdd},
	{"Color", enhancement, saturate},
	{"ColorIncreasing", increasing, saturate},
	{"Contrast", enhancement, contrast},
	{"ContrastIncreasing", increasing, contrast},
	{"Brightness", enhancement, brightness},
	{"BrightnessIncreasing", increasing, brightness},
	{"Sharpness", enhancement, sharpness},
	{"SharpnessIncreasing", increasing, sharpness},
	{"ShearX", signed(0.3), shearX},
	{"ShearY", signed(0.3), shearY},
	{"TranslateXRel", signed(0.45), translateX},
	{"TranslateYRel", signed(0.45), translateY},
	{"Desaturate", func(l, _ float64) float64 { return clamp(0.5+0.5*(l/maxLevel), 0.5, 1) }, desaturate},
	{"GaussianBlur", func(l, _ float64) float64 { return clamp(0.1+1.9*(l/maxLevel), 0.1, 2) }, gaussianBlur},
	{"GaussianBlurRand", func(l, u float64) float64 { return 0.1 + (2*clamp(l/maxLevel, 0, 1)-0.1)*u }, gaussianBlur},
}

// find returns the op with a name, which must exist.
func find(name string) *op {
	for i := range ops {
		if ops[i].name == name {
			return &ops[i]
		}
	}
	return nil
}

// signed returns an argument function that is linear in the level, up to most, and of either sign.
func signed(most float64) func(level, u float64) float64 {
	return func(level, u float64) float64 { return level / maxLevel * most * sign(u) }
}

// sign returns -1 or 1, each for half of the range of u.
func sign(u float64) float64 {
	if u > 0.5 {
		return -1
	}
	return 1
}

func posterizeBits(level, _ float64) float64 { return math.Trunc(level / maxLevel * 4) }

func solarizeThreshold(level, _ float64) float64 {
	return math.Min(256, math.Trunc(level/maxLevel*256))
}

// enhancement returns a factor of ImageEnhance that rises with the level.
func enhancement(level, _ float64) float64 { return float64(level/maxLevel*1.8) + 0.1 }

// increasing returns a factor that moves away from 1 with the level, up or down.
func increasing(level, u float64) float64 {
	return math.Max(0.1, 1+float64(level/maxLevel*0.9*sign(u)))
}

func clamp(x, low, high float64) float64 { return math.Max(low, math.Min(high, x)) }

// Apply returns img changed by the steps, one after the other. img itself does not change. Pixels that come in from
// outside get the colour fill.
func Apply(img *image.NRGBA, steps []Step, fill color.NRGBA) *image.NRGBA {
	var spare *image.NRGBA
	for i, s := range steps {
		dst := spare
		if dst == nil {
			dst = image.NewNRGBA(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
		}
		s.op.apply(dst, img, s.Arg, fill)
		if i > 0 {
			spare = img
		}
		img = dst
	}
	return img
}

// row returns line y of an image, counted from its upper edge, 4 bytes for each pixel.
func row(img *image.NRGBA, y int) []uint8 {
	return img.Pix[y*img.Stride:][: 4*img.Rect.Dx() : 4*img.Rect.Dx()]
}
