package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
)

var (
	errUnsupported = errors.New("the JPEG is damaged: its compressed data or its headers contradict themselves")
	// errRare is the error about files that only RGB decodes.
	errRare = errors.New("a JPEG of a rare kind")
	errCut  = fmt.Errorf("the JPEG is cut short: %w", io.ErrUnexpectedEOF)
)

// maxPixels bounds the memory that a file of a few bytes can ask for.
const maxPixels = 1_000_000_000

// Decode decodes a file of a common kind to *image.Gray or *image.YCbCr.
func Decode(file []byte) (image.Image, error) {
	return DecodeBox(file, image.Rectangle{}, 1)
}

// Flaws tells what a decoded file lacks.
type Flaws struct {
	// Damaged says that compressed data or restart markers are missing. Parts of the picture are then grey or out of
	// place, as in libjpeg.
	Damaged bool
	// Incomplete says that a progressive file lacks scans. The picture is smoothed then, as in libjpeg.
	Incomplete bool
}

// RGB decodes a whole file of any kind that libjpeg-turbo reads with 8 bits a sample, but for lossless ones. The result
// is that of Pillow's convert("RGB"): chroma is interpolated, and CMYK counts as inverted.
//
// A damaged file is decoded where libjpeg can tell its place. Errors name the kind of the file.
func RGB(file []byte) (*image.NRGBA, Flaws, error) {
	d := &decoder{file: file, reduction: 1, every: true}
	err := d.decode()
	if errors.Is(err, errUnsupported) {
		d = &decoder{file: file, reduction: 1, every: true, lenient: true}
		err = d.decode()
	}
	if err != nil {
		return nil, Flaws{}, err
	}
	img, err := d.rgb()
	return img, d.flaws, err
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

// Colours says what the three components of an image are.
type Colours int

// A file says its colours, unless the one around it does.
const (
	Said      Colours = iota
	YCbCr             // whatever the markers say
	AsTheyAre         // not converted; four components are CMYK that is not inverted
)

// Piece decodes a JPEG inside another file, with tables that stand elsewhere (nil: in none). Its colours are what the
// other file says. The result is RGB.
func Piece(tables, file []byte, colours Colours) (*image.NRGBA, error) {
	if bytes.HasPrefix(tables, []byte{0xFF, markerSOI}) && len(file) > 2 {
		tables = bytes.TrimSuffix(tables, []byte{0xFF, markerEOI})
		file = append(bytes.Clone(tables), file[2:]...)
	}
	d := &decoder{file: file, reduction: 1, every: true, colours: colours}
	if err := d.decode(); err != nil {
		return nil, err
	}
	return d.rgb()
}

// A component is one plane of the image.
type component struct {
	id       byte
	h, v     int       // blocks in each MCU
	quant    int       // number of its table
	hasTable bool      // whether a scan has fixed table
	bits     [64]int8  // of a progressive image: the lowest known bit of each coefficient in zigzag order; -1: none
	before   [64]int8  // bits as they were before the last scan
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
	every     bool // decodes rare kinds too
	lenient   bool // goes on past missing data and misplaced markers
	flaws     Flaws
	colours   Colours

	width, height int
	progressive   bool
	arithmetic    bool
	jfif, adobe   bool // whether there is such a marker
	transform     byte // of the colours, from Adobe's marker
	components    []component
	hMax, vMax    int             // largest h and v of the components
	mcus          image.Point     // MCUs across and down the image
	part          image.Rectangle // decoded part, in MCUs
	restart       int             // MCUs between restart markers; 0 without them

	quant    [4][64]int32 // in zigzag order
	hasQuant [4]bool
	dcCode   [4]code
	acCode   [4]code

	bits     bits
	segments []segment
	eobRun   int // blocks of a progressive scan that have no more coefficients
	arith    arithmetic
	scans    int // until now
	lastGood int // row of MCUs until which the data of the last scan was complete
}

const (
	markerSOF0 = 0xC0 // baseline
	markerSOF1 = 0xC1 // extended sequential
	markerSOF2 = 0xC2 // progressive
	markerSOF9 = 0xC9 // sequential, arithmetic
	markerSOFa = 0xCA // progressive, arithmetic
	markerSOFf = 0xCF
	markerDHT  = 0xC4
	markerDAC  = 0xCC
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerDQT  = 0xDB
	markerDNL  = 0xDC
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
		case marker == markerDHT:
			err = d.huffman(body)
		case marker == markerDAC:
			err = d.arith.condition(body)
		case marker >= markerSOF0 && marker <= markerSOFf:
			err = d.frame(marker, body)
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
			d.jfif = d.jfif || len(body) >= 14 && bytes.HasPrefix(body, []byte("JFIF\x00"))
		case marker == markerAPPe:
			if len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
				d.adobe, d.transform = true, body[11]
			}
		case marker > markerAPP0 && marker <= markerAPPf, marker == markerCOM, marker == markerDNL:
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
	if d.lenient {
		rest = skipToMarker(rest)
	}
	if len(rest) < 2 {
		return 0, nil, errCut
	}
	if rest[0] != 0xFF {
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
		return 0, nil, errCut
	}
	n := int(binary.BigEndian.Uint16(rest[2:]))
	if n < 2 {
		return 0, nil, errUnsupported
	}
	if 2+n > len(rest) {
		return 0, nil, errCut
	}
	d.at = len(d.file) - len(rest) + 2 + n
	return marker, rest[4 : 2+n], nil
}

// skipToMarker returns b from its next marker with a length or the end of the image on.
func skipToMarker(b []byte) []byte {
	for {
		at := bytes.IndexByte(b, 0xFF)
		if at < 0 || at+1 == len(b) {
			return nil
		}
		b = b[at:]
		if m := b[1]; m != 0 && m != 1 && (m < markerRST0 || m > markerSOI) { // 1: a marker without length
			return b
		}
		b = b[1:]
	}
}

// checkFrame tells the kind of a start of frame, and returns an error if it is not decoded.
func (d *decoder) checkFrame(marker byte, b []byte) error {
	switch marker {
	case markerSOF0, markerSOF1:
	case markerSOF2:
		d.progressive = true
	case markerSOF9, markerSOFa:
		d.progressive, d.arithmetic = marker == markerSOFa, true
	case 0xC3, 0xCB:
		return errors.New("a lossless JPEG, which is not read: save it as PNG or TIFF")
	default:
		return errors.New("a hierarchical JPEG, which is not read: save it as PNG or as a baseline JPEG")
	}
	if len(b) < 6 {
		return errUnsupported
	}
	if b[0] != 8 {
		return fmt.Errorf("a JPEG of %d bits a sample, which is not read: save it with 8 bits, or as PNG or TIFF", b[0])
	}
	if n := b[5]; n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("a JPEG of %d components, which is not read: save it as RGB", n)
	}
	return nil
}

// frame reads a start of frame and decides which part is decoded.
func (d *decoder) frame(marker byte, b []byte) error {
	if err := d.checkFrame(marker, b); err != nil {
		return err
	}
	if d.components != nil {
		return errUnsupported
	}
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	n := int(b[5])
	if d.width == 0 || d.height == 0 || len(b) != 6+3*n || d.width > maxPixels/d.height {
		return errUnsupported
	}
	d.components = make([]component, n)
	rare := n == 4 || d.arithmetic
	for i := range d.components {
		f := b[6+3*i:]
		c := component{id: f[0], h: int(f[1] >> 4), v: int(f[1] & 15), quant: int(f[2])}
		if n == 1 {
			c.h, c.v = 1, 1 // the blocks of a single component are not interleaved, whatever the file says
		}
		if c.quant > 3 || c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return errUnsupported
		}
		for j := range c.bits {
			c.bits[j], c.before[j] = -1, -1
		}
		rare = rare || c.h > 2 || c.v > 2 || i > 0 && (c.h != 1 || c.v != 1)
		for _, other := range d.components[:i] {
			if other.id == c.id {
				return errUnsupported
			}
		}
		d.components[i] = c
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
	}
	if rare && !d.every {
		return errRare
	}
	for _, c := range d.components {
		if d.hMax%c.h != 0 || d.vMax%c.v != 0 {
			return errors.New("a JPEG whose colours have a fraction of the resolution that is not whole, which is not " +
				"read: save it again, with 4:4:4 or 4:2:0")
		}
	}
	d.mcus = image.Pt(ceilDiv(d.width, 8*d.hMax), ceilDiv(d.height, 8*d.vMax))
	return d.choosePart()
}

// isRGB reports whether the three components are not YCbCr. As in libjpeg, all markers before the first scan count,
// also those behind the frame.
func (d *decoder) isRGB() bool {
	c := d.components
	switch {
	case len(c) != 3 || d.jfif:
		return false
	case d.adobe:
		return d.transform == 0
	}
	return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
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
		if d.lenient {
			for j := range c.plane {
				c.plane[j] = centre // of blocks without data
			}
		}
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
		d.hasQuant[n] = true
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
