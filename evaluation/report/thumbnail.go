package report

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
)

const (
	thumbnailSide  = 224       // pixels of the longer side, at most
	thumbnailBytes = 40 * 1000 // at most, before base64
)

// Thumbnail returns an image as a data URL of at most 54 kB: a PNG if that is small, else a JPEG.
func Thumbnail(img image.Image) (template.URL, error) {
	return thumbnail(img, thumbnailSide, thumbnailBytes)
}

// thumbnail returns an image of at most a side and a number of bytes as a data URL: a PNG if that is small, else a JPEG.
func thumbnail(img image.Image, side, most int) (template.URL, error) {
	img = shrink(img, side)
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		return "", err
	}
	if file.Len() <= most/4 {
		return DataURL("image/png", file.Bytes()), nil
	}
	// Noise at the full side and quality 85 takes 60 kB, at 45 half of that.
	for quality := 85; ; quality -= 20 {
		file.Reset()
		if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: quality}); err != nil {
			return "", err
		}
		if file.Len() <= most || quality < 20 {
			return DataURL("image/jpeg", file.Bytes()), nil
		}
	}
}

// shrink returns an image whose longer side has at most so many pixels.
func shrink(img image.Image, side int) image.Image {
	b := img.Bounds()
	longest := max(b.Dx(), b.Dy())
	if longest <= side {
		return img
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, b.Dx()*side/longest), max(1, b.Dy()*side/longest)))
	draw.CatmullRom.Scale(small, small.Bounds(), img, b, draw.Src, nil)
	return small
}

// DataURL returns a file as a URL for the page. The file must come from this program: a page trusts it.
func DataURL(kind string, content []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(content))
}
