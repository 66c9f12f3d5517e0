package data

import (
	"image"
	"image/color"
)

// toRGB returns a decoded image as opaque RGB with its origin at (0,0), by the arithmetic of Pillow's convert("RGB").
// It may take over the memory of img.
func toRGB(img image.Image, format string) *image.NRGBA {
	switch img := img.(type) {
	case *image.NRGBA:
		if img.Rect.Min == (image.Point{}) {
			setOpaque(img.Pix)
			return img
		}
	case *image.RGBA:
		if img.Rect.Min == (image.Point{}) && img.Opaque() {
			return &image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}
		}
	case *image.YCbCr:
		return ycbcrToRGB(img, format)
	case *image.NYCbCrA:
		return ycbcrToRGB(&img.YCbCr, format)
	case *image.Gray:
		return grayToRGB(img)
	}
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	at := pixelReader(img)
	for y := range b.Dy() {
		row := out.Pix[y*out.Stride:]
		for x := range b.Dx() {
			p := row[x*4 : x*4+4 : x*4+4]
			p[0], p[1], p[2] = at(b.Min.X+x, b.Min.Y+y)
			p[3] = 255
		}
	}
	return out
}

func grayToRGB(img *image.Gray) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := out.Pix[y*out.Stride : y*out.Stride+4*w]
		for x, v := range img.Pix[y*img.Stride : y*img.Stride+w] {
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = v, v, v, 255
		}
	}
	return out
}

// pixelReader returns a function that reads the RGB of the pixel at (x, y).
func pixelReader(img image.Image) func(x, y int) (r, g, b uint8) {
	switch img := img.(type) {
	case *image.Gray16:
		return func(x, y int) (r, g, b uint8) {
			v := img.Pix[img.PixOffset(x, y)] // the high byte
			return v, v, v
		}
	case *image.NRGBA64:
		return func(x, y int) (r, g, b uint8) {
			i := img.PixOffset(x, y)
			return img.Pix[i], img.Pix[i+2], img.Pix[i+4]
		}
	case *image.CMYK:
		return func(x, y int) (r, g, b uint8) {
			i := img.PixOffset(x, y)
			return cmykToRGB(img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3])
		}
	case *image.Paletted:
		palette := make([][3]uint8, len(img.Palette))
		for i, c := range img.Palette {
			palette[i][0], palette[i][1], palette[i][2] = colorToRGB(c)
		}
		return func(x, y int) (r, g, b uint8) {
			i := int(img.Pix[img.PixOffset(x, y)])
			if i >= len(palette) {
				return 0, 0, 0 // Pillow fills the palette up with black
			}
			return palette[i][0], palette[i][1], palette[i][2]
		}
	}
	return func(x, y int) (r, g, b uint8) { return colorToRGB(img.At(x, y)) }
}

// colorToRGB returns a colour without its alpha. A colour that is stored multiplied by alpha is divided by it first.
func colorToRGB(c color.Color) (r, g, b uint8) {
	switch c := c.(type) {
	case color.NRGBA:
		return c.R, c.G, c.B
	case color.NRGBA64:
		return uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8)
	}
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return n.R, n.G, n.B
}

// cmykToRGB converts as Pillow's cmyk2rgb (Convert.c), which keeps 8 bits where color.CMYKToRGB keeps 16.
func cmykToRGB(c, m, y, k uint8) (r, g, b uint8) {
	white := 255 - uint32(k)
	ink := func(v uint8) uint8 {
		t := uint32(v)*white + 128
		return uint8(white - ((t>>8)+t)>>8)
	}
	return ink(c), ink(m), ink(y)
}

func setOpaque(pix []uint8) {
	for i := 3; i < len(pix); i += 4 {
		pix[i] = 255
	}
}
