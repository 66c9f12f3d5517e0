package data

import (
	"fmt"
	"image"
	"math/rand/v2"

	"fovea/data/pixels"
)

// Views names the ways in which a classifier sees one image. Its answers are averaged: test-time augmentation.
type Views string

// The views of an image. Flips are flips of the centre crop; FiveCrop and TenCrop cut the resized image as torchvision
// does.
const (
	OneView  Views = ""       // the centre crop
	HFlip    Views = "hflip"  // the centre crop and its mirror image
	Flips    Views = "flips"  // the centre crop, flipped left to right, top to bottom, and both
	FiveCrop Views = "5crop"  // the four corners and the centre
	TenCrop  Views = "10crop" // the five crops and their mirror images
)

// AllViews lists all Views except OneView.
var AllViews = []Views{HFlip, Flips, FiveCrop, TenCrop}

// Count returns the number of views of an image, 0 if v is unknown.
func (v Views) Count() int {
	return map[Views]int{OneView: 1, HFlip: 2, Flips: 4, FiveCrop: 5, TenCrop: 10}[v]
}

// ViewsTransform prepares images as EvalTransform does, with several views of each: [V,3,S,S].
type ViewsTransform struct {
	EvalTransform
	Views Views
}

// Check returns an error if a setting cannot work.
func (t ViewsTransform) Check() error {
	if t.Views.Count() == 0 {
		return fmt.Errorf("views %q are unknown: use one of %q", t.Views, AllViews)
	}
	return t.EvalTransform.Check()
}

func (t ViewsTransform) views() int { return t.Views.Count() }

// Apply writes the views of img, one tensor [3,S,S] after another. It does not use rng, which may be nil.
func (t ViewsTransform) Apply(dst []float32, img *image.NRGBA, rng *rand.Rand) error {
	img, err := t.resize(img)
	if err != nil {
		return err
	}
	return t.applyCached(dst, img, rng)
}

func (t ViewsTransform) applyFile(dst []float32, file []byte, rng *rand.Rand) (pixels.Notes, error) {
	img, notes, err := t.Reading.DecodeBytes(file)
	if err != nil {
		return 0, err
	}
	return notes, t.Apply(dst, img, rng)
}

// cached returns the form of the resized image, out of which all views are cut.
func (t ViewsTransform) cached(int) cachedForm {
	return cachedForm{name: t.cacheName("views"), prepare: t.resize}
}

func (t ViewsTransform) applyCached(dst []float32, img *image.NRGBA, _ *rand.Rand) error {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	boxes := []image.Rectangle{t.centre(w, h)}
	if t.Views == FiveCrop || t.Views == TenCrop {
		corner := image.Rect(0, 0, t.Size, t.Size)
		right, down := image.Pt(w-t.Size, 0), image.Pt(0, h-t.Size)
		boxes = []image.Rectangle{corner, corner.Add(right), corner.Add(down), corner.Add(right).Add(down), boxes[0]}
	}
	size := 3 * t.Size * t.Size
	view := func(i int) []float32 { return dst[i*size : (i+1)*size] }
	for i, box := range boxes {
		normalize(view(i), resizeCrop(img, box, t.Size, t.Size), t.Mean, t.Std)
	}
	if t.Views == HFlip || t.Views == TenCrop {
		for i := range boxes {
			mirror(view(len(boxes)+i), view(i), t.Size)
		}
	}
	if t.Views == Flips {
		mirror(view(1), view(0), t.Size)
		turnOver(view(2), view(0), t.Size)
		turnOver(view(3), view(1), t.Size)
	}
	return nil
}

// mirror writes planes of side×side to dst with each row reversed.
func mirror(dst, src []float32, side int) {
	for start := 0; start < len(src); start += side {
		for x := range side {
			dst[start+x] = src[start+side-1-x]
		}
	}
}

// turnOver writes planes of side×side to dst with their rows in reverse order.
func turnOver(dst, src []float32, side int) {
	plane := side * side
	for p := 0; p < len(src); p += plane {
		for y := range side {
			copy(dst[p+y*side:p+(y+1)*side], src[p+(side-1-y)*side:])
		}
	}
}
