package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// errOther is for files that this package leaves to image/jpeg.
var errOther = errors.New("jpeg: damaged, or of a kind that is not decoded here")

// maxPixels bounds the memory that a file of a few bytes can ask for.
const maxPixels = 1_000_000_000

// Decode decodes a file to *image.Gray or *image.YCbCr.
func Decode(file []byte) (image.Image, error) {
	return DecodeBox(file, image.Rectangle{}, 1)
}

// DecodeBox decodes the part of a file that covers box, in pixels of the file, with both sides divided by reduction: 1,
// 2, 4 or 8. An empty box is the whole image. The bounds of the result are those of the decoded part in the reduced
// image, whose size is the file's divided by reduction, rounded up. They contain the box, with a margin, so that
// interpolated chroma is right in all of it.
func DecodeBox(file []byte, box image.Rectangle, reduction int) (image.Image, error) {
	if reduction != 1 && reduction != 2 && reduction != 4 && reduction != 8 {
		return nil, fmt.Errorf("jpeg: a reduction by %d is none of 1, 2, 4 and 8", reduction)
	}
	d := &decoder{file: file, box: box, reduction: reduction}
	if err := d.decode(); err != nil {
		return nil, err
	}
	return d.image(), nil
}

// component is a plane of the image.
type component struct {
	id     byte
	h, v   int // blocks an MCU
	quant  int // number of its table
	latch  bool
	table  [64]int32 // that table, in natural order, as it was at the component's first scan
	dc     int32     // the last block's, undequantised
	across int       // blocks a row, MCUs being whole
	down   int
	coef   []int16 // [down·across][64], of a progressive image

	size   int             // side of a decoded block: 8 or less
	blocks image.Rectangle // that are decoded
	plane  []uint8         // their samples
	stride int
}

type decoder struct {
	file      []byte
	at        int // next byte
	box       image.Rectangle
	reduction int

	width, height int
	progressive   bool
	jfif          bool
	rgbMarker     bool // Adobe's: the components are no YCbCr
	components    []component
	hMost, vMost  int             // of the components' h and v
	mcus          image.Point     // of the image
	part          image.Rectangle // in MCUs: what is decoded
	restart       int             // MCUs between restart markers; 0: none

	quant  [4][64]int32 // in zigzag order
	dcCode [4]code
	acCode [4]code

	bits     bits
	segments []segment
	eobRun   int // blocks that have nothing more in a progressive scan
}

const (
	markerSOF0 = 0xC0 // baseline
	markerSOF1 = 0xC1 // extended sequential
	markerSOF2 = 0xC2 // progressive
	markerDHT  = 0xC4
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerDQT  = 0xDB
	markerDRI  = 0xDD
	markerAPP0 = 0xE0
	markerAPPe = 0xEE
	markerAPPf = 0xEF
	markerCOM  = 0xFE
)

func (d *decoder) decode() error {
	if len(d.file) < 2 || d.file[0] != 0xFF || d.file[1] != markerSOI {
		return errOther
	}
	d.at = 2
	for {
		marker, body, err := d.next()
		if err != nil {
			return err
		}
		switch {
		case marker == markerEOI:
			return d.finish()
		case marker == markerSOF0 || marker == markerSOF1 || marker == markerSOF2:
			d.progressive = marker == markerSOF2
			err = d.frame(body)
		case marker == markerDHT:
			err = d.huffman(body)
		case marker == markerDQT:
			err = d.quantization(body)
		case marker == markerDRI:
			if len(body) != 2 {
				return errOther
			}
			d.restart = int(binary.BigEndian.Uint16(body))
		case marker == markerSOS:
			err = d.scan(body)
		case marker == markerAPP0:
			d.jfif = d.jfif || bytes.HasPrefix(body, []byte("JFIF\x00"))
		case marker == markerAPPe:
			if len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
				d.rgbMarker = body[11] == 0
			}
		case marker > markerAPP0 && marker <= markerAPPf, marker == markerCOM:
		default:
			return errOther
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next marker and what stands in it.
func (d *decoder) next() (marker byte, body []byte, err error) {
	rest := d.file[d.at:]
	if len(rest) < 2 || rest[0] != 0xFF {
		return 0, nil, errOther
	}
	for len(rest) > 2 && rest[1] == 0xFF { // fill
		rest = rest[1:]
	}
	marker = rest[1]
	if marker == markerEOI {
		return marker, nil, nil
	}
	if len(rest) < 4 {
		return 0, nil, errOther
	}
	n := int(binary.BigEndian.Uint16(rest[2:]))
	if n < 2 || 2+n > len(rest) {
		return 0, nil, errOther
	}
	d.at = len(d.file) - len(rest) + 2 + n
	return marker, rest[4 : 2+n], nil
}

// frame reads a start of frame and decides what is decoded.
func (d *decoder) frame(b []byte) error {
	if d.components != nil || len(b) < 6 || b[0] != 8 {
		return errOther
	}
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	n := int(b[5])
	if d.width == 0 || d.height == 0 || n != 1 && n != 3 || len(b) != 6+3*n || d.width > maxPixels/d.height {
		return errOther
	}
	d.components = make([]component, n)
	for i := range d.components {
		f := b[6+3*i:]
		c := component{id: f[0], h: int(f[1] >> 4), v: int(f[1] & 15), quant: int(f[2])}
		if n == 1 {
			c.h, c.v = 1, 1 // of one component, blocks are not interleaved whatever the file says
		}
		if c.quant > 3 || c.h < 1 || c.h > 2 || c.v < 1 || c.v > 2 || i > 0 && (c.h != 1 || c.v != 1) {
			return errOther
		}
		d.components[i] = c
	}
	if n == 3 {
		c := d.components
		if c[0].id == c[1].id || c[0].id == c[2].id || c[1].id == c[2].id {
			return errOther
		}
	}
	d.hMost, d.vMost = d.components[0].h, d.components[0].v
	d.mcus = image.Pt(ceilDiv(d.width, 8*d.hMost), ceilDiv(d.height, 8*d.vMost))
	return d.choosePart()
}

// isRGB tells whether the components are no YCbCr. As in libjpeg the markers before the first scan decide, those behind
// the frame too.
func (d *decoder) isRGB() bool {
	c := d.components
	return len(c) == 3 && !d.jfif && (d.rgbMarker || c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B')
}

// choosePart turns the box into whole MCUs and reserves their memory.
func (d *decoder) choosePart() error {
	all := image.Rect(0, 0, d.width, d.height)
	if d.box.Empty() {
		d.box = all
	}
	if !d.box.In(all) {
		return fmt.Errorf("jpeg: the box %v is not in the image of %d×%d", d.box, d.width, d.height)
	}
	// Interpolated chroma depends on one sample beside it, and in an image of up to two columns of chroma it is not
	// interpolated: a part has three at least.
	margin := d.box.Inset(-6 * d.reduction).Intersect(all)
	w, h := 8*d.hMost, 8*d.vMost
	d.part = image.Rect(margin.Min.X/w, margin.Min.Y/h, ceilDiv(margin.Max.X, w), ceilDiv(margin.Max.Y, h))
	for i := range d.components {
		c := &d.components[i]
		c.across, c.down = d.mcus.X*c.h, d.mcus.Y*c.v
		c.blocks = image.Rect(d.part.Min.X*c.h, d.part.Min.Y*c.v, d.part.Max.X*c.h, d.part.Max.Y*c.v)
		c.size = 8 / d.reduction
		if i > 0 && d.hMost == 2 && d.vMost == 2 && c.size < 8 {
			c.size *= 2 // chroma needs that much less of a reduction
		}
		c.stride = c.blocks.Dx() * c.size
		c.plane = make([]uint8, c.stride*c.blocks.Dy()*c.size)
		if d.progressive {
			c.coef = make([]int16, 64*c.across*c.down)
		}
	}
	return nil
}

// image is what was decoded.
func (d *decoder) image() image.Image {
	w, h := 8*d.hMost/d.reduction, 8*d.vMost/d.reduction
	r := image.Rect(d.part.Min.X*w, d.part.Min.Y*h, d.part.Max.X*w, d.part.Max.Y*h)
	r = r.Intersect(image.Rect(0, 0, ceilDiv(d.width, d.reduction), ceilDiv(d.height, d.reduction)))
	c := d.components
	if len(c) == 1 {
		return &image.Gray{Pix: c[0].plane, Stride: c[0].stride, Rect: r}
	}
	ratio := image.YCbCrSubsampleRatio444
	switch {
	case c[0].size < c[1].size:
	case d.hMost == 2 && d.vMost == 2:
		ratio = image.YCbCrSubsampleRatio420
	case d.hMost == 2:
		ratio = image.YCbCrSubsampleRatio422
	case d.vMost == 2:
		ratio = image.YCbCrSubsampleRatio440
	}
	return &image.YCbCr{Y: c[0].plane, Cb: c[1].plane, Cr: c[2].plane, YStride: c[0].stride, CStride: c[1].stride,
		SubsampleRatio: ratio, Rect: r}
}

// quantization reads tables of divisors.
func (d *decoder) quantization(b []byte) error {
	for len(b) > 0 {
		wide, n := int(b[0]>>4), int(b[0]&15)
		b = b[1:]
		if wide > 1 || n > 3 || len(b) < 64<<wide {
			return errOther
		}
		for i := range d.quant[n] {
			if wide == 1 {
				d.quant[n][i] = int32(binary.BigEndian.Uint16(b[2*i:]))
			} else {
				d.quant[n][i] = int32(b[i])
			}
		}
		b = b[64<<wide:]
	}
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
