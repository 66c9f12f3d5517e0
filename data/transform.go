package data

import (
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
)

// The statistics of ImageNet's RGB channels in [0,1], with which RETFound and most vision transformers are trained.
var (
	ImageNetMean = [3]float32{0.485, 0.456, 0.406}
	ImageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// Transform is what turns a decoded image into a tensor: TrainTransform, EvalTransform or, into several,
// ViewsTransform. It is safe for concurrent use.
type Transform interface {
	// Check reports a setting that cannot work.
	Check() error
	// Side is S, the width and height of the tensor.
	Side() int
	// Apply writes img as float32 [3,S,S], or as many as its views, to dst, whose length is theirs. It does not change
	// img. Only rng is random. It is an error if img cannot be brought to that size in reasonable memory.
	Apply(dst []float32, img *image.NRGBA, rng *rand.Rand) error

	// views is the number of tensors that it makes of an image, one after another.
	views() int
	// applyFile is Apply for an image file's content.
	applyFile(dst []float32, file []byte, rng *rand.Rand) error
	// kept is what a Cache of that side keeps of an image.
	kept(side int) form
	// applyKept is Apply for what kept gave.
	applyKept(dst []float32, img *image.NRGBA, rng *rand.Rand) error
}

// resizeCrop cuts box out of img and resizes it to w×h with Pillow's antialiased bicubic filter, which sees nothing
// outside the box. Without a change of size no pixel changes.
func resizeCrop(img *image.NRGBA, box image.Rectangle, w, h int) *image.NRGBA {
	if box != img.Rect {
		img = img.SubImage(box).(*image.NRGBA)
	}
	if box.Dx() == w && box.Dy() == h {
		return img
	}
	return resize(img, whole(img.Rect.Size()), w, h)
}

// normalize writes img as planes of (v/255 - mean) / std, in the float32 arithmetic of torchvision's ToTensor and
// Normalize.
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
