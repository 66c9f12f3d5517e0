package data

import (
	"fmt"
	"image"

	"fovea/data/jpeg"
)

// oversampling is the least number of decoded pixels a side for each pixel of the result when a JPEG is decoded at
// reduced size. The antialiasing filter then still does the larger part of the work.
const oversampling = 2

// decodeCrop cuts box, in pixels of the image, out of an image file and resizes it to size×size. Of a JPEG it decodes
// only the box. It reduces a box of at least 2·oversampling·size pixels a side to a half, a quarter or an eighth, each
// pixel being the mean of those it replaces. Without a reduction the result equals that of decoding the whole image.
func (r Reading) decodeCrop(file []byte, box image.Rectangle, size int) (img *image.NRGBA, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: the decoder failed with %q", fmt.Sprint(p))
		}
	}()
	reduction := 1
	for reduction < 8 && min(box.Dx(), box.Dy()) >= 2*reduction*oversampling*size {
		reduction *= 2
	}
	part, err := jpeg.DecodeBox(file, box, reduction)
	if err != nil {
		img, _, err := r.DecodeBytes(file)
		if err != nil {
			return nil, err
		}
		return resizeCrop(img, box, size, size), nil
	}
	origin := part.Bounds().Min
	img = jpeg.ToRGB(part)
	if reduction == 1 {
		return resizeCrop(img, box.Sub(origin), size, size), nil
	}
	// The box's edges now fall between pixels. The pixels that cover it are cut out first: so the filter sees as little
	// from outside the box as it does without a reduction.
	covering := image.Rect(box.Min.X/reduction, box.Min.Y/reduction,
		(box.Max.X+reduction-1)/reduction, (box.Max.Y+reduction-1)/reduction)
	img = img.SubImage(covering.Sub(origin)).(*image.NRGBA)
	place := func(v, start int) float64 { return float64(v)/float64(reduction) - float64(start) }
	return resize(img, floatRect{
		place(box.Min.X, covering.Min.X), place(box.Min.Y, covering.Min.Y),
		place(box.Max.X, covering.Min.X), place(box.Max.Y, covering.Min.Y),
	}, size, size), nil
}
