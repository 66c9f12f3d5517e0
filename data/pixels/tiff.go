package pixels

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"math/bits"
	"slices"

	"github.com/disintegration/imaging"
)

const (
	tagWidth         = 256
	tagHeight        = 257
	tagBits          = 258
	tagCompression   = 259
	tagPhotometric   = 262
	tagFillOrder     = 266
	tagStripOffsets  = 273
	tagOrientation   = 274
	tagSamples       = 277
	tagRowsPerStrip  = 278
	tagStripCounts   = 279
	tagMaxSample     = 281
	tagPlanar        = 284
	tagT4Options     = 292
	tagPredictor     = 317
	tagColorMap      = 320
	tagTileWidth     = 322
	tagTileHeight    = 323
	tagTileOffsets   = 324
	tagTileCounts    = 325
	tagExtraSamples  = 338
	tagSampleFormat  = 339
	tagSMaxSample    = 341
	tagJPEGTables    = 347
	whiteIsZero      = 0
	blackIsZero      = 1
	photometricRGB   = 2
	photometricIndex = 3
	photometricCMYK  = 5
	photometricYCbCr = 6
)

var errTIFF = errors.New("the TIFF image is damaged: its tags contradict themselves")

// A tiffFile reads the tags of the first page of a TIFF or BigTIFF.
type tiffFile struct {
	data  []byte
	order binary.ByteOrder
	tags  map[int]tiffTag
	next  uint64 // place of the next page, 0 for none
}

// A tiffTag holds the bytes of a tag's values.
type tiffTag struct {
	kind, count int
	values      []byte
}

// tiffSizes holds the bytes of a value by its type; types without integers have none.
var tiffSizes = map[int]int{1: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}

// readTIFF reads the tags. Of tags that occur twice the first one holds, as in Pillow.
func readTIFF(data []byte) (*tiffFile, error) {
	t := &tiffFile{data: data, order: binary.LittleEndian, tags: map[int]tiffTag{}}
	if len(data) < 16 {
		return nil, io.ErrUnexpectedEOF
	}
	if string(data[:2]) == "MM" {
		t.order = binary.BigEndian
	}
	big := t.order.Uint16(data[2:]) == 43
	at := uint64(t.order.Uint32(data[4:]))
	word, entry := 2, 12 // bytes of the number of tags, and of a tag
	if big {
		at, word, entry = t.order.Uint64(data[8:]), 8, 20
	}
	b := t.slice(at, word)
	if b == nil {
		return nil, io.ErrUnexpectedEOF
	}
	n := uint64(0)
	if big {
		n = t.order.Uint64(b)
	} else {
		n = uint64(t.order.Uint16(b))
	}
	if n > uint64(len(data)/entry) {
		return nil, errTIFF
	}
	at += uint64(word)
	for range n {
		e := t.slice(at, entry)
		if e == nil {
			return nil, io.ErrUnexpectedEOF
		}
		at += uint64(entry)
		t.addTag(e, big)
	}
	if b := t.slice(at, (entry-4)/2); b != nil { // 4 or 8 bytes
		if big {
			t.next = t.order.Uint64(b)
		} else {
			t.next = uint64(t.order.Uint32(b))
		}
	}
	return t, nil
}

// addTag reads an entry of the directory. It leaves out values that lie outside of the file.
func (t *tiffFile) addTag(e []byte, big bool) {
	id, kind := int(t.order.Uint16(e)), int(t.order.Uint16(e[2:]))
	size := tiffSizes[kind]
	count, inline := uint64(t.order.Uint32(e[4:])), e[8:]
	if big {
		count, inline = t.order.Uint64(e[4:]), e[12:]
	}
	if size == 0 || count > uint64(len(t.data)/size) {
		return
	}
	bytes := int(count) * size
	values := inline
	if bytes > len(inline) {
		at := uint64(t.order.Uint32(inline))
		if big {
			at = t.order.Uint64(inline)
		}
		if values = t.slice(at, bytes); values == nil {
			return
		}
	}
	if _, ok := t.tags[id]; !ok {
		t.tags[id] = tiffTag{kind, int(count), values[:bytes]}
	}
}

// slice returns n bytes from at on, or nil.
func (t *tiffFile) slice(at uint64, n int) []byte {
	if at > uint64(len(t.data)) || uint64(n) > uint64(len(t.data))-at {
		return nil
	}
	return t.data[at : at+uint64(n)]
}

// numbers returns the integers of a tag, nil without it.
func (t *tiffFile) numbers(tag int) []int {
	v, ok := t.tags[tag]
	if !ok {
		return nil
	}
	out := make([]int, v.count)
	size := tiffSizes[v.kind]
	for i := range out {
		b := v.values[i*size:]
		switch size {
		case 1:
			out[i] = int(b[0])
		case 2:
			out[i] = int(t.order.Uint16(b))
		case 4:
			out[i] = int(t.order.Uint32(b))
		case 8:
			out[i] = int(min(t.order.Uint64(b), 1<<62))
		}
	}
	return out
}

// number returns the first integer of a tag, or other without it.
func (t *tiffFile) number(tag, other int) int {
	if v := t.numbers(tag); len(v) > 0 {
		return v[0]
	}
	return other
}

// A tiffImage describes the pixels of a page.
type tiffImage struct {
	*tiffFile
	w, h        int
	bits        int // of a sample
	samples     int // stored for each pixel
	colours     int // the first of these
	photometric int
	compression int
	premultiply bool // colours are multiplied by the alpha behind them
	planar      bool
	reversed    bool // bits of a byte
	turn        int  // orientation, 1 to 8
	colourMap   [][3]uint8
	read        int // bytes of compressed data until now
}

var tiffCompressions = map[int]string{2: "CCITT RLE", 6: "old JPEG", 32766: "NeXT", 32809: "ThunderScan", 34661: "JBIG",
	33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34676: "SGI Log", 34677: "SGI Log", 34887: "LERC",
	34892: "JPEG", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL"}

// notRead returns an error about a kind of TIFF.
func notRead(format string, args ...any) error {
	return fmt.Errorf("a TIFF "+format+", which is not read: save it as PNG, or as TIFF with 8 bits and LZW", args...)
}

// openImage decides how the pixels are stored. It accepts what Pillow's table OPEN_INFO has, but for what convert("RGB")
// makes wrong pixels of.
func openImage(file []byte) (*tiffImage, error) {
	t, err := readTIFF(file)
	if err != nil {
		return nil, err
	}
	m := &tiffImage{tiffFile: t, w: t.number(tagWidth, 0), h: t.number(tagHeight, 0),
		compression: t.number(tagCompression, 1), photometric: t.number(tagPhotometric, 0),
		planar: t.number(tagPlanar, 1) == 2, reversed: t.number(tagFillOrder, 1) == 2,
		turn: t.number(tagOrientation, 1)}
	if m.w < 1 || m.h < 1 || m.w > 1<<30 || m.h > 1<<30 {
		return nil, errTIFF
	}
	if m.turn < 1 || m.turn > 8 {
		m.turn = 1
	}
	switch m.compression {
	case 1, 3, 4, 5, 7, 8, 32773, 32946:
	default:
		name := cmp.Or(tiffCompressions[m.compression], fmt.Sprint(m.compression))
		return nil, notRead("with the compression %s", name)
	}
	if m.compression == 3 && t.number(tagT4Options, 0)&1 != 0 {
		return nil, notRead("with the compression Group 3 in two dimensions")
	}
	if err := m.readSamples(); err != nil {
		return nil, err
	}
	return m, m.readColourMap()
}

// readSamples checks the samples of a pixel.
func (m *tiffImage) readSamples() error {
	depths, extra := m.numbers(tagBits), m.numbers(tagExtraSamples)
	if depths == nil {
		depths = []int{1}
	}
	m.samples = m.number(tagSamples, 1)
	if m.samples < 1 || m.samples > 6 {
		return notRead("of %d samples a pixel", m.samples)
	}
	if len(depths) == 1 {
		depths = slices.Repeat(depths, m.samples)
	}
	if len(depths) < m.samples {
		return errTIFF
	}
	m.bits = depths[0]
	for _, d := range depths[:m.samples] {
		if d != m.bits {
			return notRead("with samples of %d and of %d bits", m.bits, d)
		}
	}
	format := 1
	for i, f := range m.numbers(tagSampleFormat) {
		if i > 0 && f != format {
			return notRead("with samples of different formats")
		}
		format = f
	}
	names := map[int]string{whiteIsZero: "grey", blackIsZero: "grey", photometricRGB: "RGB", photometricIndex: "palette",
		photometricCMYK: "CMYK", photometricYCbCr: "YCbCr", 8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*",
		32803: "camera raw", 34892: "camera raw", 4: "mask"}
	name := cmp.Or(names[m.photometric], fmt.Sprintf("colour model %d", m.photometric))
	m.colours = map[int]int{photometricRGB: 3, photometricCMYK: 4, photometricYCbCr: 3}[m.photometric]
	switch m.photometric {
	case whiteIsZero, blackIsZero, photometricIndex:
		m.colours = 1
	}
	isGrey := m.colours == 1 && m.photometric != photometricIndex
	switch {
	case format != 1 && !(format == 2 && m.bits == 8 && m.photometric == blackIsZero):
		return notRead("of %s with %d-bit samples that are signed or floating-point", name, m.bits)
	case m.colours == 0, m.colours > m.samples,
		m.samples > m.colours && len(extra) != m.samples-m.colours && !(m.photometric == photometricRGB && m.samples == 4):
		return notRead("of %s with %d samples a pixel", name, m.samples)
	case m.samples > m.colours && m.colours == 1 && (m.samples > 2 || m.bits != 8 || m.photometric == whiteIsZero),
		m.samples > 4 && m.bits != 8:
		return notRead("of %s with %d extra samples of %d bits", name, m.samples-m.colours, m.bits)
	case m.photometric == photometricYCbCr && (m.compression != 7 || m.planar):
		return notRead("of YCbCr without JPEG compression")
	case m.bits == 8, m.bits == 16 && m.photometric != photometricIndex && m.photometric != whiteIsZero && !m.reversed,
		m.colours == 1 && (m.bits == 1 || m.bits == 2 || m.bits == 4),
		m.bits == 12 && isGrey && m.photometric == blackIsZero && !m.reversed && m.order == binary.LittleEndian:
	default:
		return notRead("of %s with %d bits a sample", name, m.bits)
	}
	if m.samples > 1 && m.bits == 16 && m.colours == 1 {
		return notRead("of %s with %d samples of 16 bits", name, m.samples)
	}
	if len(extra) > 0 && extra[0] == 1 {
		if m.colours != 3 {
			return notRead("of %s multiplied by its alpha", name)
		}
		m.premultiply = true
	}
	if m.compression == 7 && m.bits != 8 {
		return notRead("of %d bits with the compression JPEG", m.bits)
	}
	return nil
}

// readColourMap reads the palette. Pillow keeps the high byte of each value.
func (m *tiffImage) readColourMap() error {
	if m.photometric != photometricIndex {
		return nil
	}
	v := m.numbers(tagColorMap)
	n := len(v) / 3
	if n == 0 {
		return errTIFF
	}
	for i := range n {
		m.colourMap = append(m.colourMap, [3]uint8{uint8(v[i] >> 8), uint8(v[n+i] >> 8), uint8(v[2*n+i] >> 8)})
	}
	return nil
}

func openTIFF(file []byte) (header, decoder, error) {
	m, err := openImage(file)
	if err != nil {
		return header{}, nil, err
	}
	h := header{w: m.w, h: m.h, perByte: 4 + m.samples*max(m.bits/8, 1)}
	if m.turn > 1 {
		h.perByte = max(h.perByte, 8)
	}
	if m.turn >= 5 {
		h.w, h.h = h.h, h.w
	}
	if m.next != 0 && m.slice(m.next, 2) != nil {
		h.notes = Pages
	}
	return h, m.decode, nil
}

// decode decodes the first page and turns it by its orientation, as Pillow does.
func (m *tiffImage) decode(o Options) (*image.NRGBA, Notes, error) {
	img := image.NewNRGBA(image.Rect(0, 0, m.w, m.h))
	setOpaque(img.Pix)
	s := newScale(m.white(o))
	if err := m.eachPart(func(p tiffPart, data []byte) error { return m.place(img, p, data, s) }); err != nil {
		return nil, 0, err
	}
	m.finish(img)
	notes := Notes(0)
	if m.bits == 16 && o.White == 0 {
		notes = s.notes()
	}
	if turn := turns[m.turn]; turn != nil {
		img = turn(img)
	}
	return img, notes, nil
}

// white returns the sample that is white. A file that says its largest sample means its number of bits.
func (m *tiffImage) white(o Options) int {
	if m.bits == 12 {
		return 4095
	}
	if o.White > 0 {
		return o.White
	}
	if most := m.number(tagMaxSample, m.number(tagSMaxSample, 0)); most > 0 && most < 1<<16 {
		return 1<<bits.Len(uint(most)) - 1
	}
	return 0
}

// turns holds what brings an image upright, by its orientation.
var turns = map[int]func(image.Image) *image.NRGBA{2: imaging.FlipH, 3: imaging.Rotate180, 4: imaging.FlipV,
	5: imaging.Transpose, 6: imaging.Rotate270, 7: imaging.Transverse, 8: imaging.Rotate90}
