package data

import (
	"image"

	"fovea/data/jpeg"
)

// oversampling is how many decoded pixels a pixel of the output has at least, a side, when a JPEG is decoded at reduced
// size: the antialiasing filter then still does the larger part of the work.
const oversampling = 2

// decodeCrop cuts box out of an image file and resizes it to size×size. Of a JPEG only the box is decoded, and a box of
// 2·oversampling·size pixels a side or more at half, a quarter or an eighth of its size: the mean of so many pixels.
// Where nothing is reduced, the result equals that of decoding all.
func decodeCrop(file []byte, box image.Rectangle, size int) (img *image.NRGBA, err error) {
	defer recovered(&err)
	reduction := 1
	for reduction < 8 && min(box.Dx(), box.Dy()) >= 2*reduction*oversampling*size {
		reduction *= 2
	}
	part, err := jpeg.DecodeBox(file, box, reduction)
	if err != nil {
		img, err := DecodeBytes(file)
		if err != nil {
			return nil, err
		}
		return resizeCrop(img, box, size, size), nil
	}
	origin := part.Bounds().Min
	img = toRGB(part, "jpeg")
	if reduction == 1 {
		return resizeCrop(img, box.Sub(origin), size, size), nil
	}
	// The box's edges fall between pixels. What covers it is cut out first, so that the filter sees as little from
	// outside as one of the whole image.
	covering := image.Rect(box.Min.X/reduction, box.Min.Y/reduction,
		(box.Max.X+reduction-1)/reduction, (box.Max.Y+reduction-1)/reduction)
	img = img.SubImage(covering.Sub(origin)).(*image.NRGBA)
	place := func(v, start int) float64 { return float64(v)/float64(reduction) - float64(start) }
	return resize(img, frame{
		place(box.Min.X, covering.Min.X), place(box.Min.Y, covering.Min.Y),
		place(box.Max.X, covering.Min.X), place(box.Max.Y, covering.Min.Y),
	}, size, size), nil
}
