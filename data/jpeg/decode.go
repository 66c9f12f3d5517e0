package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// errUnsupported is the error about files that this package leaves to image/jpeg.
var errUnsupported = errors.New("jpeg: damaged, or of a kind that is not decoded here")

// maxPixels bounds the memory that a file of a few bytes can ask for.
const maxPixels = 1_000_000_000

// Decode decodes a file to *image.Gray or *image.YCbCr.
func Decode(file []byte) (image.Image, error) {
	return DecodeBox(file, image.Rectangle{}, 1)
}

// DecodeBox decodes the part of a file that covers box, in pixels of the file, with both sides divided by reduction: 1,
// 2, 4 or 8. An empty box stands for the whole image. The reduced image has the file's size divided by reduction,
// rounded up.
//
// The result's bounds are those of the decoded part in the reduced image. They contain the box and a margin, so that
// interpolated chroma is right in all of the box.
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

// A component is one plane of the image.
type component struct {
	id       byte
	h, v     int       // blocks in each MCU
	quant    int       // number of its table
	hasTable bool      // whether a scan has fixed table
	table    [64]int32 // table quant in natural order, as it was at the component's first scan
	dc       int32     // DC coefficient of the last block, not dequantised
	across   int       // blocks in a row of whole MCUs
	down     int
	coef     []int16 // [down·across][64], of a progressive image

	size   int             // side of a decoded block in samples: 8 or less
	blocks image.Rectangle // decoded blocks
	plane  []uint8         // samples of those blocks
	stride int
}

type decoder struct {
	file      []byte
	at        int // index of the next byte
	box       image.Rectangle
	reduction int

	width, height int
	progressive   bool
	jfif          bool
	adobeRGB      bool // whether Adobe's marker says that the components are not YCbCr
	components    []component
	hMax, vMax    int             // largest h and v of the components
	mcus          image.Point     // MCUs across and down the image
	part          image.Rectangle // decoded part, in MCUs
	restart       int             // MCUs between restart markers; 0 without them

	quant  [4][64]int32 // in zigzag order
	dcCode [4]code
	acCode [4]code

	bits     bits
	segments []segment
	eobRun   int // blocks of a progressive scan that have no more coefficients
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

// decode reads the markers of the file and decodes its scans.
func (d *decoder) decode() error {
	if len(d.file) < 2 || d.file[0] != 0xFF || d.file[1] != markerSOI {
		return errUnsupported
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
				return errUnsupported
			}
			d.restart = int(binary.BigEndian.Uint16(body))
		case marker == markerSOS:
			err = d.scan(body)
		case marker == markerAPP0:
			d.jfif = d.jfif || bytes.HasPrefix(body, []byte("JFIF\x00"))
		case marker == markerAPPe:
			if len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
				d.adobeRGB = body[11] == 0
			}
		case marker > markerAPP0 && marker <= markerAPPf, marker == markerCOM:
		default:
			return errUnsupported
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next marker and the content of its segment.
func (d *decoder) next() (marker byte, body []byte, err error) {
	rest := d.file[d.at:]
	if len(rest) < 2 || rest[0] != 0xFF {
		return 0, nil, errUnsupported
	}
	for len(rest) > 2 && rest[1] == 0xFF { // fill
		rest = rest[1:]
	}
	marker = rest[1]
	if marker == markerEOI {
		return marker, nil, nil
	}
	if len(rest) < 4 {
		return 0, nil, errUnsupported
	}
	n := int(binary.BigEndian.Uint16(rest[2:]))
	if n < 2 || 2+n > len(rest) {
		return 0, nil, errUnsupported
	}
	d.at = len(d.file) - len(rest) + 2 + n
	return marker, rest[4 : 2+n], nil
}

// frame reads a start of frame and decides which part is decoded.
func (d *decoder) frame(b []byte) error {
	if d.components != nil || len(b) < 6 || b[0] != 8 {
		return errUnsupported
	}
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	n := int(b[5])
	if d.width == 0 || d.height == 0 || n != 1 && n != 3 || len(b) != 6+3*n || d.width > maxPixels/d.height {
		return errUnsupported
	}
	d.components = make([]component, n)
	for i := range d.components {
		f := b[6+3*i:]
		c := component{id: f[0], h: int(f[1] >> 4), v: int(f[1] & 15), quant: int(f[2])}
		if n == 1 {
			c.h, c.v = 1, 1 // the blocks of a single component are not interleaved, whatever the file says
		}
		if c.quant > 3 || c.h < 1 || c.h > 2 || c.v < 1 || c.v > 2 || i > 0 && (c.h != 1 || c.v != 1) {
			return errUnsupported
		}
		d.components[i] = c
	}
	if n == 3 {
		c := d.components
		if c[0].id == c[1].id || c[0].id == c[2].id || c[1].id == c[2].id {
			return errUnsupported
		}
	}
	d.hMax, d.vMax = d.components[0].h, d.components[0].v
	d.mcus = image.Pt(ceilDiv(d.width, 8*d.hMax), ceilDiv(d.height, 8*d.vMax))
	return d.choosePart()
}

// isRGB reports whether the components are not YCbCr. As in libjpeg, all markers before the first scan count, also
// those behind the frame.
func (d *decoder) isRGB() bool {
	c := d.components
	return len(c) == 3 && !d.jfif && (d.adobeRGB || c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B')
}

// choosePart extends the box to whole MCUs and reserves their memory.
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
	w, h := 8*d.hMax, 8*d.vMax
	d.part = image.Rect(margin.Min.X/w, margin.Min.Y/h, ceilDiv(margin.Max.X, w), ceilDiv(margin.Max.Y, h))
	for i := range d.components {
		c := &d.components[i]
		c.across, c.down = d.mcus.X*c.h, d.mcus.Y*c.v
		c.blocks = image.Rect(d.part.Min.X*c.h, d.part.Min.Y*c.v, d.part.Max.X*c.h, d.part.Max.Y*c.v)
		c.size = 8 / d.reduction
		if i > 0 && d.hMax == 2 && d.vMax == 2 && c.size < 8 {
			c.size *= 2 // chroma is stored at half resolution and needs half the reduction
		}
		c.stride = c.blocks.Dx() * c.size
		c.plane = make([]uint8, c.stride*c.blocks.Dy()*c.size)
		if d.progressive {
			c.coef = make([]int16, 64*c.across*c.down)
		}
	}
	return nil
}

// image returns the decoded part.
func (d *decoder) image() image.Image {
	w, h := 8*d.hMax/d.reduction, 8*d.vMax/d.reduction
	r := image.Rect(d.part.Min.X*w, d.part.Min.Y*h, d.part.Max.X*w, d.part.Max.Y*h)
	r = r.Intersect(image.Rect(0, 0, ceilDiv(d.width, d.reduction), ceilDiv(d.height, d.reduction)))
	c := d.components
	if len(c) == 1 {
		return &image.Gray{Pix: c[0].plane, Stride: c[0].stride, Rect: r}
	}
	ratio := image.YCbCrSubsampleRatio444
	switch {
	case c[0].size < c[1].size:
	case d.hMax == 2 && d.vMax == 2:
		ratio = image.YCbCrSubsampleRatio420
	case d.hMax == 2:
		ratio = image.YCbCrSubsampleRatio422
	case d.vMax == 2:
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
			return errUnsupported
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

// ceilDiv returns a/b, rounded up.
func ceilDiv(a, b int) int { return (a + b - 1) / b }
