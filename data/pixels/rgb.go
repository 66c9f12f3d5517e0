package pixels

import (
	"encoding/binary"
	"image"
	"image/color"
	"math/bits"
)

// toRGB returns a decoded image as opaque RGB with its origin at (0,0), by the arithmetic of Pillow's convert("RGB").
// It may take over the memory of img. Samples of 16 bits become 8 bits by o.
func toRGB(img image.Image, o Options) (*image.NRGBA, Notes) {
	switch img := img.(type) {
	case *image.NRGBA:
		if img.Rect.Min == (image.Point{}) {
			setOpaque(img.Pix)
			return img, 0
		}
	case *image.RGBA:
		if img.Rect.Min == (image.Point{}) && img.Opaque() {
			return &image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}, 0
		}
	case *image.Gray16:
		return narrow(img.Pix, img.Stride, img.Rect.Dx(), img.Rect.Dy(), 1, 1, o.White)
	case *image.RGBA64: // of a PNG without alpha
		return narrow(img.Pix, img.Stride, img.Rect.Dx(), img.Rect.Dy(), 3, 4, o.White)
	case *image.NRGBA64:
		return narrow(img.Pix, img.Stride, img.Rect.Dx(), img.Rect.Dy(), 3, 4, o.White)
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
	return out, 0
}

// narrow makes RGB of samples of 16 bits, most significant byte first. A pixel has so many samples, of which the first
// one or three are colours.
func narrow(pix []uint8, stride, w, h, colours, samples, white int) (*image.NRGBA, Notes) {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	s := newScale(white)
	for y := range h {
		row, dst := pix[y*stride:], out.Pix[y*out.Stride:]
		for x := range w {
			from, to := row[2*samples*x:], dst[4*x:4*x+4:4*x+4]
			for c := range colours {
				to[c] = s.apply(binary.BigEndian.Uint16(from[2*c:]))
			}
			if colours == 1 {
				to[1], to[2] = to[0], to[0]
			}
			to[3] = 255
		}
	}
	return out, s.notes()
}

// A scale makes 8 bits of samples of 16.
type scale struct {
	white uint32
	said  bool   // whether white was said
	most  uint16 // the largest sample until now
}

// newScale returns the scale on which white becomes 255. 0 stands for 65535.
func newScale(white int) *scale {
	if white <= 0 || white > 65535 {
		return &scale{white: 65535}
	}
	return &scale{white: uint32(white), said: true}
}

func (s *scale) apply(v uint16) uint8 {
	s.most = max(s.most, v)
	return uint8(min(uint32(v), s.white) * 256 / (s.white + 1))
}

// notes returns Dark if the two highest bits are never used, and nobody said what is white.
func (s *scale) notes() Notes {
	if !s.said && s.most > 0 && bits.Len16(s.most) <= 14 {
		return Dark
	}
	return 0
}

// pixelReader returns a function that reads the RGB of the pixel at (x, y).
func pixelReader(img image.Image) func(x, y int) (r, g, b uint8) {
	switch img := img.(type) {
	case *image.Gray:
		return func(x, y int) (r, g, b uint8) {
			v := img.Pix[img.PixOffset(x, y)]
			return v, v, v
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
	if c, ok := c.(color.NRGBA); ok {
		return c.R, c.G, c.B
	}
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return n.R, n.G, n.B
}

func setOpaque(pix []uint8) {
	for i := 3; i < len(pix); i += 4 {
		pix[i] = 255
	}
}
