package jpeg

import (
	"encoding/binary"
	"image"
)

// ToRGB converts what Decode or DecodeBox returned to opaque RGB with its origin at (0,0). It interpolates chroma as
// libjpeg-turbo does. Go's own conversion repeats chroma samples, which moves colours by up to 30 levels at edges.
func ToRGB(img image.Image) *image.NRGBA {
	switch img := img.(type) {
	case *image.Gray:
		w, h := img.Rect.Dx(), img.Rect.Dy()
		return convert([]plane{{img.Pix, img.Stride, w, h, 1, 1}}, asGray, w, h)
	case *image.YCbCr:
		w, h := img.Rect.Dx(), img.Rect.Dy()
		fx, fy := 1, 1
		switch img.SubsampleRatio {
		case image.YCbCrSubsampleRatio422:
			fx = 2
		case image.YCbCrSubsampleRatio420:
			fx, fy = 2, 2
		case image.YCbCrSubsampleRatio440:
			fy = 2
		}
		chroma := plane{img.Cb, img.CStride, ceilDiv(w, fx), ceilDiv(h, fy), fx, fy}
		planes := []plane{{img.Y, img.YStride, w, h, 1, 1}, chroma, chroma}
		planes[2].pix = img.Cr
		return convert(planes, asYCbCr, w, h)
	}
	panic("jpeg: not a decoded image")
}

// rgb converts the decoded components.
func (d *decoder) rgb() (*image.NRGBA, error) {
	var planes []plane
	for _, c := range d.components {
		planes = append(planes, plane{c.plane, c.stride, ceilDiv(d.width*c.h, d.hMax), ceilDiv(d.height*c.v, d.vMax),
			d.hMax / c.h, d.vMax / c.v})
	}
	kind := asYCbCr
	switch {
	case d.colours == AsTheyAre && len(planes) == 4:
		kind = asTrueCMYK
	case d.colours == AsTheyAre && len(planes) == 3:
		kind = asRGB
	case d.colours == YCbCr && len(planes) == 3:
	case len(planes) == 1:
		kind = asGray
	case len(planes) == 4 && (!d.adobe || d.transform == 0):
		kind = asCMYK
	case len(planes) == 4:
		kind = asYCCK
	case d.isRGB():
		kind = asRGB
	}
	return convert(planes, kind, d.width, d.height), nil
}

// A colours says what the components of an image are.
type colours int

const (
	asGray colours = iota
	asYCbCr
	asRGB
	asCMYK // inverted, as Pillow takes all of them
	asYCCK // likewise
	asTrueCMYK
)

// A plane is a component without the decoder's padding.
type plane struct {
	pix    []uint8
	stride int
	w, h   int // in samples
	fx, fy int // pixels of the image for each sample
}

// convert makes an RGB image of w×h of its components.
func convert(planes []plane, kind colours, w, h int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	var rows [4][]uint8
	for i, p := range planes {
		if p.fx != 1 || p.fy != 1 {
			rows[i] = make([]uint8, max(p.w*p.fx, w)+1) // +1: an odd width's last pair
		}
	}
	for y := range h {
		var c [4][]uint8
		for i, p := range planes {
			if c[i] = rows[i]; c[i] == nil {
				c[i] = p.row(y)
			} else {
				p.interpolate(y, c[i])
			}
		}
		dst := out.Pix[y*out.Stride:][:4*w]
		switch kind {
		case asGray:
			for x, v := range c[0][:w] {
				binary.LittleEndian.PutUint32(dst[4*x:], uint32(v)*0x010101|255<<24)
			}
		case asYCbCr:
			convertRow(dst, c[0][:w], c[1], c[2])
		case asYCCK: // the conversion gives the inverse of the inks
			convertRow(dst, c[0][:w], c[1], c[2])
			for x := range w {
				p := dst[4*x : 4*x+3 : 4*x+3]
				p[0], p[1], p[2] = CMYKToRGB(p[0], p[1], p[2], 255-c[3][x])
			}
		default:
			for x := range w {
				p := dst[4*x : 4*x+4 : 4*x+4]
				p[0], p[1], p[2], p[3] = c[0][x], c[1][x], c[2][x], 255
				switch kind {
				case asCMYK:
					p[0], p[1], p[2] = CMYKToRGB(255-p[0], 255-p[1], 255-p[2], 255-c[3][x])
				case asTrueCMYK:
					p[0], p[1], p[2] = CMYKToRGB(p[0], p[1], p[2], c[3][x])
				}
			}
		}
	}
	return out
}

// CMYKToRGB converts as Pillow's cmyk2rgb (Convert.c), which keeps 8 bits where color.CMYKToRGB keeps 16.
func CMYKToRGB(c, m, y, k uint8) (r, g, b uint8) {
	white := 255 - uint32(k)
	ink := func(v uint8) uint8 {
		t := uint32(v)*white + 128
		return uint8(white - ((t>>8)+t)>>8)
	}
	return ink(c), ink(m), ink(y)
}

// row returns row y of samples; beyond the edges they repeat.
func (p plane) row(y int) []uint8 {
	y = min(max(y, 0), p.h-1)
	return p.pix[y*p.stride : y*p.stride+p.w]
}

// nearRows returns the row of samples that covers row y of the image and its neighbour on the same side as y. Edges
// repeat.
func (p plane) nearRows(y int) (near, far []uint8) {
	c := y / 2
	if y%2 == 0 {
		return p.row(c), p.row(c - 1)
	}
	return p.row(c), p.row(c + 1)
}

// interpolate writes row y of the image: jdsample.c's "fancy upsampling" where libjpeg-turbo has it, else repetition.
func (p plane) interpolate(y int, dst []uint8) {
	// With one or two columns libjpeg-turbo repeats instead.
	fancy := p.w > 2 || p.fx == 1
	switch {
	case p.fx == 2 && p.fy == 1 && fancy:
		interpolateH2V1(p.row(y), dst)
	case p.fx == 2 && p.fy == 2 && fancy:
		near, far := p.nearRows(y)
		interpolateH2V2(near, far, dst)
	case p.fx == 1 && p.fy == 2 && fancy:
		near, far := p.nearRows(y)
		bias := 1 + y%2
		for x := range near {
			dst[x] = uint8((int(near[x])*3 + int(far[x]) + bias) >> 2)
		}
	default:
		row := p.row(y / p.fy)
		for x := range dst {
			dst[x] = row[min(x/p.fx, p.w-1)]
		}
	}
}

func interpolateH2V1(in, dst []uint8) {
	last := len(in) - 1
	for x := range in {
		v, left, right := int(in[x])*3, int(in[max(x-1, 0)]), int(in[min(x+1, last)])
		put2(dst, x, uint8((v+left+1)>>2), uint8((v+right+2)>>2))
	}
}

func interpolateH2V2(near, far, dst []uint8) {
	far = far[:len(near)]
	left := int(near[0])*3 + int(far[0])
	this := left
	for x := 1; x < len(near); x++ {
		right := int(near[x])*3 + int(far[x])
		put2(dst, x-1, uint8((this*3+left+8)>>4), uint8((this*3+right+7)>>4))
		left, this = this, right
	}
	put2(dst, len(near)-1, uint8((this*3+left+8)>>4), uint8((this*4+7)>>4))
}

// put2 writes the two pixels of a sample. With an odd width the last one lands on the row's spare element.
func put2(dst []uint8, x int, even, odd uint8) {
	d := dst[2*x : 2*x+2 : 2*x+2]
	d[0], d[1] = even, odd
}

// convertRow converts full-range BT.601 (JFIF) as jdcolor.c does: with 1.402, 0.71414, 0.34414 and 1.772 as 16-bit
// fractions, rounded.
func convertRow(dst, luma, cb, cr []uint8) {
	cb, cr, dst = cb[:len(luma)], cr[:len(luma)], dst[:4*len(luma)]
	for x, v := range luma {
		y, b, r := int32(v)<<16+32768, int32(cb[x])-128, int32(cr[x])-128
		rgb := uint32(clamp((y+91881*r)>>16)) | uint32(clamp((y-22554*b-46802*r)>>16))<<8 |
			uint32(clamp((y+116130*b)>>16))<<16
		binary.LittleEndian.PutUint32(dst[4*x:], rgb|255<<24)
	}
}
