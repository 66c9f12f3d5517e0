package pixels

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"image"
	"io"
	"math/bits"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"

	"fovea/data/jpeg"
)

// A tiffPart is a strip or a tile.
type tiffPart struct {
	image.Rectangle     // it may end outside of the image
	plane           int // of a planar image: the number of the sample
}

var errRereads = errors.New("the file is damaged: its parts name the same bytes over and over")

// eachPart calls do for the strips or tiles, with their bytes as they are stored.
func (m *tiffImage) eachPart(do func(p tiffPart, data []byte) error) error {
	offsets, counts := m.numbers(tagStripOffsets), m.numbers(tagStripCounts)
	w, h := m.w, min(m.number(tagRowsPerStrip, m.h), m.h)
	if offsets == nil {
		offsets, counts = m.numbers(tagTileOffsets), m.numbers(tagTileCounts)
		w, h = m.number(tagTileWidth, 0), m.number(tagTileHeight, 0)
	}
	if w < 1 || h < 1 || w > 1<<20 && w != m.w || h > 1<<20 && h != m.h {
		return errTIFF
	}
	across, down := (m.w+w-1)/w, (m.h+h-1)/h
	planes := 1
	if m.planar {
		planes = m.samples
	}
	if len(offsets) < across*down*planes || counts != nil && len(counts) < across*down*planes {
		return errTIFF
	}
	for i := range across * down * planes {
		x, y := i%across*w, i/across%down*h
		p := tiffPart{image.Rect(x, y, x+w, y+h), i / (across * down)}
		if p.plane >= m.colours && !m.premultiply {
			break // extra samples
		}
		if m.isStripped() {
			p.Max.Y = min(p.Max.Y, m.h)
		}
		if offsets[i] < 0 || offsets[i] > len(m.data) {
			return io.ErrUnexpectedEOF
		}
		data := m.data[offsets[i]:]
		if counts != nil && m.compression != 1 {
			data = data[:min(len(data), max(counts[i], 0))]
		}
		if err := do(p, data); err != nil {
			return err
		}
	}
	return nil
}

func (m *tiffImage) isStripped() bool { return m.tags[tagStripOffsets].count > 0 }

// place writes a part to the image.
func (m *tiffImage) place(img *image.NRGBA, p tiffPart, data []byte, s *scale) error {
	samples := m.samples
	if m.planar {
		samples = 1
	}
	if m.compression == 7 {
		return m.placeJPEG(img, p, data)
	}
	stride := (p.Dx()*samples*m.bits + 7) / 8
	raw, err := m.unpack(data, p, stride)
	if err != nil {
		return err
	}
	if m.reversed && m.compression == 1 {
		raw = reverse(raw)
	}
	inside := p.Intersect(img.Rect)
	values := make([]uint16, inside.Dx()*samples)
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		m.readRow(values, raw[(y-p.Min.Y)*stride:][:stride], s)
		for x := range inside.Dx() {
			pixel := img.Pix[img.PixOffset(inside.Min.X+x, y):][:4:4]
			if m.planar && m.samples > 1 {
				if m.colours == 1 {
					m.setPixel(pixel, values[x:x+1])
				} else {
					pixel[p.plane] = uint8(values[x])
				}
				continue
			}
			m.setPixel(pixel, values[x*samples:(x+1)*samples])
		}
	}
	return nil
}

// readRow reads samples: indices of a palette as they are, all others as 8 bits.
func (m *tiffImage) readRow(values []uint16, row []byte, s *scale) {
	for i := range values {
		switch m.bits {
		case 8:
			values[i] = uint16(row[i])
		case 16:
			values[i] = uint16(s.apply(m.order.Uint16(row[2*i:])))
		case 12:
			b := row[i/2*3:]
			if i%2 == 0 {
				values[i] = uint16(s.apply(uint16(b[0])<<4 | uint16(b[1])>>4))
			} else {
				values[i] = uint16(s.apply(uint16(b[1]&15)<<8 | uint16(b[2])))
			}
		default:
			at := i * m.bits
			v := uint16(row[at/8]) >> (8 - m.bits - at%8) & (1<<m.bits - 1)
			if m.photometric != photometricIndex {
				v = v * 255 / (1<<m.bits - 1)
			}
			values[i] = v
		}
	}
}

// setPixel writes a pixel of samples that lie together. The colours of CMYK and of RGB multiplied by alpha stay as they
// are until finish.
func (m *tiffImage) setPixel(pixel []byte, values []uint16) {
	switch {
	case m.photometric == photometricIndex:
		c := [3]uint8{}
		if i := int(values[0]); i < len(m.colourMap) {
			c = m.colourMap[i]
		}
		copy(pixel, c[:])
	case m.colours == 1:
		v := uint8(values[0])
		if m.photometric == whiteIsZero {
			v = 255 - v
		}
		pixel[0], pixel[1], pixel[2] = v, v, v
	default:
		for c := range min(4, len(values)) {
			pixel[c] = uint8(values[c])
		}
	}
}

// finish converts the pixels that setPixel left as they are.
func (m *tiffImage) finish(img *image.NRGBA) {
	for i := 0; i < len(img.Pix) && m.colours > 1; i += 4 {
		p := img.Pix[i : i+4 : i+4]
		switch {
		case m.compression == 7 && !m.planar:
		case m.photometric == photometricCMYK:
			p[0], p[1], p[2] = jpeg.CMYKToRGB(p[0], p[1], p[2], p[3])
		case m.premultiply && p[3] == 0:
			p[0], p[1], p[2] = 0, 0, 0
		case m.premultiply:
			for c := range 3 {
				p[c] = uint8(min(int(p[c])*255/int(p[3]), 255))
			}
		}
		p[3] = 255
	}
}

// placeJPEG writes a part that is a JPEG of its own.
func (m *tiffImage) placeJPEG(img *image.NRGBA, p tiffPart, data []byte) error {
	colours := jpeg.AsTheyAre
	if m.photometric == photometricYCbCr {
		colours = jpeg.YCbCr
	}
	info, err := jpeg.Inspect(data)
	if err != nil {
		return err
	}
	samples := m.samples
	if m.planar {
		samples = 1
	}
	if info.Width != p.Dx() || info.Height < p.Dy() || info.Components != samples || samples > 1 && m.colours == 1 ||
		info.Height > p.Dy()+64 || samples == 4 && m.photometric == photometricRGB {
		return notRead("whose parts are JPEGs of another size or colour")
	}
	part, err := jpeg.Piece(m.tags[tagJPEGTables].values, data, colours)
	if err != nil {
		return err
	}
	inside := p.Intersect(img.Rect)
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		from, to := part.Pix[(y-p.Min.Y)*part.Stride:], img.Pix[img.PixOffset(inside.Min.X, y):]
		for x := range inside.Dx() {
			f, t := from[4*x:4*x+4:4*x+4], to[4*x:4*x+4:4*x+4]
			switch {
			case m.planar && m.colours > 1:
				t[p.plane] = f[0]
			case m.colours == 1:
				m.setPixel(t, []uint16{uint16(f[0])})
			default:
				copy(t, f)
			}
		}
	}
	return nil
}

// unpack returns the rows of a part, uncompressed.
func (m *tiffImage) unpack(data []byte, p tiffPart, stride int) ([]byte, error) {
	size := stride * p.Dy()
	if m.compression == 1 {
		if len(data) < size {
			return nil, io.ErrUnexpectedEOF
		}
		return data[:size], nil
	}
	if m.reversed {
		data = reverse(data)
	}
	in := &countingReader{Reader: bytes.NewReader(data)}
	var r io.Reader
	switch m.compression {
	case 3, 4:
		if m.bits != 1 || m.samples != 1 {
			return nil, errTIFF
		}
		form := ccitt.Group4
		if m.compression == 3 {
			form = ccitt.Group3
		}
		r = ccitt.NewReader(in, ccitt.MSB, form, p.Dx(), p.Dy(), &ccitt.Options{Invert: true}) // runs of white are 0
	case 5:
		r = lzw.NewReader(in, lzw.MSB, 8)
	case 8, 32946:
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("the TIFF image is damaged: %w", err)
		}
		r = z
	case 32773:
		r = &packBits{in: in}
	}
	raw := make([]byte, size)
	n, err := io.ReadFull(r, raw)
	if m.read += in.read; m.read > 8*len(m.data)+1<<20 {
		return nil, errRereads
	}
	if n < size {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("the TIFF image is damaged: %w", err)
	}
	return raw, m.undoPredictor(raw, p, stride)
}

// undoPredictor adds up differences of neighbouring samples.
func (m *tiffImage) undoPredictor(raw []byte, p tiffPart, stride int) error {
	predictor := m.number(tagPredictor, 1)
	if predictor == 1 || m.compression != 5 && m.compression != 8 && m.compression != 32946 {
		return nil
	}
	if predictor != 2 || m.bits != 8 && m.bits != 16 {
		return notRead("of %d-bit samples with predictor %d", m.bits, predictor)
	}
	samples := m.samples
	if m.planar {
		samples = 1
	}
	for y := range p.Dy() {
		row := raw[y*stride:][:stride]
		if m.bits == 8 {
			for i := samples; i < len(row); i++ {
				row[i] += row[i-samples]
			}
			continue
		}
		for i := 2 * samples; i+1 < len(row); i += 2 {
			m.order.PutUint16(row[i:], m.order.Uint16(row[i:])+m.order.Uint16(row[i-2*samples:]))
		}
	}
	return nil
}

// A countingReader counts the bytes that are read.
type countingReader struct {
	*bytes.Reader
	read int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.read += n
	return n, err
}

func (r *countingReader) ReadByte() (byte, error) {
	r.read++
	return r.Reader.ReadByte()
}

// reverse returns bytes with their bits in reverse order.
func reverse(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = bits.Reverse8(b)
	}
	return out
}

// packBits unpacks PackBits, section 9 of the TIFF specification.
type packBits struct {
	in      io.ByteReader
	literal int // bytes to copy
	repeat  int // times to repeat value
	value   byte
}

func (r *packBits) Read(p []byte) (int, error) {
	for i := range p {
		for r.literal == 0 && r.repeat == 0 {
			b, err := r.in.ReadByte()
			if err != nil {
				return i, err
			}
			switch n := int(int8(b)); {
			case n >= 0:
				r.literal = n + 1
			case n != -128:
				r.repeat = 1 - n
				if r.value, err = r.in.ReadByte(); err != nil {
					return i, err
				}
			}
		}
		if r.repeat > 0 {
			r.repeat--
			p[i] = r.value
			continue
		}
		b, err := r.in.ReadByte()
		if err != nil {
			return i, err
		}
		r.literal--
		p[i] = b
	}
	return len(p), nil
}
