package data

import (
	"errors"
	"fmt"
	"image"
	"math/rand/v2"

	"fovea/data/pixels"
)

// ImageNetMean and ImageNetStd hold the mean and the standard deviation of ImageNet's RGB channels, whose values lie in
// [0,1]. RETFound and most vision transformers are trained with them.
var (
	ImageNetMean = [3]float32{0.485, 0.456, 0.406}
	ImageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// A Transform turns a decoded image into a tensor: TrainTransform, EvalTransform or, for several tensors of an image,
// ViewsTransform. It is safe for concurrent use.
type Transform interface {
	// Check returns an error if a setting cannot work.
	Check() error
	// Side returns S, the width and height of a tensor in pixels.
	Side() int
	// Apply writes img as float32 [3,S,S] to dst, or one such tensor after another for a transform with several views.
	// dst has exactly their length. Apply does not change img, and all that is random comes from rng. It returns an
	// error if img cannot be resized in reasonable memory.
	Apply(dst []float32, img *image.NRGBA, rng *rand.Rand) error

	// views returns the number of tensors for each image.
	views() int
	// reading returns how the samples of a file become pixels.
	reading() Reading
	// applyFile does what Apply does for the content of an image file.
	applyFile(dst []float32, file []byte, rng *rand.Rand) (pixels.Notes, error)
	// cached returns the form in which a Cache of that side keeps an image.
	cached(side int) cachedForm
	// applyCached does what Apply does for an image in that form.
	applyCached(dst []float32, img *image.NRGBA, rng *rand.Rand) error
}

// resizeCrop cuts box out of img and resizes it to w×h with Pillow's antialiased bicubic filter, which sees nothing
// outside the box. If the size does not change, no pixel does.
func resizeCrop(img *image.NRGBA, box image.Rectangle, w, h int) *image.NRGBA {
	if box != img.Rect {
		img = img.SubImage(box).(*image.NRGBA)
	}
	if box.Dx() == w && box.Dy() == h {
		return img
	}
	return resize(img, fullRect(img.Rect.Size()), w, h)
}

// normalize writes img to dst as planes of (v/255 - mean) / std, in the float32 arithmetic of torchvision's ToTensor
// and Normalize.
func normalize(dst []float32, img *image.NRGBA, mean, std [3]float32) {
	var table [3][256]float32
	for c := range table {
		for v := range table[c] {
			table[c][v] = (float32(v)/255 - mean[c]) / std[c]
		}
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	r, g, b := dst[:w*h], dst[w*h:2*w*h], dst[2*w*h:3*w*h]
	for y := range h {
		row := img.Pix[y*img.Stride : y*img.Stride+4*w]
		for x := range w {
			p := row[4*x : 4*x+4 : 4*x+4]
			r[y*w+x] = table[0][p[0]]
			g[y*w+x] = table[1][p[1]]
			b[y*w+x] = table[2][p[2]]
		}
	}
}

// checkOutput returns an error if a transform cannot make tensors of this size with this std.
func checkOutput(size int, std [3]float32) error {
	if size < 1 {
		return fmt.Errorf("image size %d: it must be at least 1", size)
	}
	for _, s := range std {
		if !(s > 0) {
			return errors.New("standard deviation of a channel: it must be above 0")
		}
	}
	return nil
}
