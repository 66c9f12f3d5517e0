package data

import (
	"encoding/binary"
	"image"
)

// ycbcrToRGB converts with the chroma interpolation and the fixed-point arithmetic of the library that Pillow uses for
// the format: libjpeg-turbo or libwebp. Go's own conversion repeats chroma samples, which moves colours by up to 30
// levels at edges, and takes WebP's studio range for full range.
func ycbcrToRGB(img *image.YCbCr, format string) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	convert, chroma := jpegRow, jpegChroma
	if format == "webp" {
		convert, chroma = webpRow, webpChroma
	}
	cb, cr := newPlane(img, img.Cb), newPlane(img, img.Cr)
	cbRow, crRow := make([]uint8, w+1), make([]uint8, w+1) // +1: an odd width's last pair
	for y := range h {
		chroma(cb, y, cbRow)
		chroma(cr, y, crRow)
		luma := img.Y[y*img.YStride:]
		convert(out.Pix[y*out.Stride:], luma[:w], cbRow, crRow)
	}
	return out
}

// A plane is a chroma plane without the decoder's padding.
type plane struct {
	pix    []uint8
	stride int
	w, h   int // in chroma samples
	fx, fy int // luma samples for each chroma sample
}

func newPlane(img *image.YCbCr, pix []uint8) plane {
	p := plane{pix: pix, stride: img.CStride, fx: 1, fy: 1}
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		p.fx = 2
	case image.YCbCrSubsampleRatio420:
		p.fx, p.fy = 2, 2
	case image.YCbCrSubsampleRatio440:
		p.fy = 2
	case image.YCbCrSubsampleRatio411:
		p.fx = 4
	case image.YCbCrSubsampleRatio410:
		p.fx, p.fy = 4, 2
	}
	p.w = (img.Rect.Dx() + p.fx - 1) / p.fx
	p.h = (img.Rect.Dy() + p.fy - 1) / p.fy
	return p
}

// row returns chroma row y; beyond the edges they repeat.
func (p plane) row(y int) []uint8 {
	y = min(max(y, 0), p.h-1)
	return p.pix[y*p.stride : y*p.stride+p.w]
}

// nearRows returns the chroma row that covers luma row y and its neighbour on the same side as y. Edges repeat.
func (p plane) nearRows(y int) (near, far []uint8) {
	c := y / 2
	if y%2 == 0 {
		return p.row(c), p.row(c - 1)
	}
	return p.row(c), p.row(c + 1)
}

// jpegChroma writes one row of interpolated chroma: jdsample.c's "fancy upsampling" where libjpeg-turbo has it, else
// repetition.
func jpegChroma(p plane, y int, dst []uint8) {
	// With one or two columns libjpeg-turbo repeats instead.
	fancy := p.w > 2 || p.fx == 1
	switch {
	case p.fx == 2 && p.fy == 1 && fancy:
		jpegH2V1(p.row(y), dst)
	case p.fx == 2 && p.fy == 2 && fancy:
		near, far := p.nearRows(y)
		jpegH2V2(near, far, dst)
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

func jpegH2V1(in, dst []uint8) {
	last := len(in) - 1
	for x := range in {
		v, left, right := int(in[x])*3, int(in[max(x-1, 0)]), int(in[min(x+1, last)])
		put2(dst, x, uint8((v+left+1)>>2), uint8((v+right+2)>>2))
	}
}

func jpegH2V2(near, far, dst []uint8) {
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

// webpChroma writes one row of chroma, interpolated as libwebp does (upsampling.c) with weights 9, 3, 3 and 1.
func webpChroma(p plane, y int, dst []uint8) {
	near, far := p.nearRows(y)
	sum := func(x int) int { return int(near[x])*3 + int(far[x]) }
	left, this := sum(0), sum(0)
	for x := range near {
		right := sum(min(x+1, len(near)-1))
		put2(dst, x, uint8((this*3+left+8)>>4), uint8((this*3+right+8)>>4))
		left, this = this, right
	}
}

// put2 writes the two pixels of chroma sample x. With an odd width the last one lands on the row's spare element.
func put2(dst []uint8, x int, even, odd uint8) {
	d := dst[2*x : 2*x+2 : 2*x+2]
	d[0], d[1] = even, odd
}

// jpegRow converts full-range BT.601 (JFIF) as jdcolor.c does: with 1.402, 0.71414, 0.34414 and 1.772 as 16-bit
// fractions, rounded.
func jpegRow(dst, luma, cb, cr []uint8) {
	cb, cr, dst = cb[:len(luma)], cr[:len(luma)], dst[:4*len(luma)]
	for x, v := range luma {
		y, b, r := int32(v)<<16+32768, int32(cb[x])-128, int32(cr[x])-128
		rgb := uint32(clamp8((y+91881*r)>>16)) | uint32(clamp8((y-22554*b-46802*r)>>16))<<8 |
			uint32(clamp8((y+116130*b)>>16))<<16
		binary.LittleEndian.PutUint32(dst[4*x:], rgb|255<<24)
	}
}

// webpRow converts studio-range BT.601 as libwebp's yuv.h does: with 14-bit fractions, of which 6 bits are kept to the
// end.
func webpRow(dst, luma, cb, cr []uint8) {
	for x, v := range luma {
		y, b, r := (int32(v)*19077)>>8, int32(cb[x]), int32(cr[x])
		d := dst[4*x : 4*x+4 : 4*x+4]
		d[0] = clamp8((y + (r*26149)>>8 - 14234) >> 6)
		d[1] = clamp8((y - (b*6419)>>8 - (r*13320)>>8 + 8708) >> 6)
		d[2] = clamp8((y + (b*33050)>>8 - 17685) >> 6)
		d[3] = 255
	}
}

func clamp8(v int32) uint8 {
	return uint8(min(max(v, 0), 255))
}
