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
)

// A bmpFile is the head of a Windows or OS/2 bitmap.
type bmpFile struct {
	w, h        int
	topDown     bool
	bits        int
	compression int
	masks       [3]uint32 // of red, green and blue, of 16 and 32 bits
	palette     [][3]uint8
	pixels      []byte
	align       int // of pixels in the file, modulo 2
}

const (
	bmpRLE8      = 1
	bmpRLE4      = 2
	bmpBitFields = 3
)

// readBMP reads the head as Pillow's BmpImagePlugin does.
func readBMP(file []byte) (bmpFile, error) {
	le := binary.LittleEndian
	if len(file) < 18 {
		return bmpFile{}, io.ErrUnexpectedEOF
	}
	offset, size := int(le.Uint32(file[10:])), int(le.Uint32(file[14:]))
	if !slices.Contains([]int{12, 40, 52, 56, 64, 108, 124}, size) {
		return bmpFile{}, fmt.Errorf("a BMP with a head of %d bytes, which is not read: save it as PNG", size)
	}
	if len(file) < 14+size {
		return bmpFile{}, io.ErrUnexpectedEOF
	}
	head, rest := file[14:14+size], file[14+size:]
	b := bmpFile{masks: [3]uint32{0xFF0000, 0xFF00, 0xFF}}
	colours, entry := 0, 4
	if size == 12 {
		b.w, b.h, b.bits = int(le.Uint16(head[4:])), int(le.Uint16(head[6:])), int(le.Uint16(head[10:]))
		entry = 3
	} else {
		h := int32(le.Uint32(head[8:]))
		b.topDown = h < 0
		b.w, b.h, b.bits = int(int32(le.Uint32(head[4:]))), max(int(h), -int(h)), int(le.Uint16(head[14:]))
		b.compression, colours = int(le.Uint32(head[16:])), int(le.Uint32(head[32:]))
	}
	if !slices.Contains([]int{1, 4, 8, 16, 24, 32}, b.bits) {
		return bmpFile{}, fmt.Errorf("a BMP of %d bits a pixel, which is not read: save it as PNG", b.bits)
	}
	if b.bits == 16 {
		b.masks = [3]uint32{0x7C00, 0x3E0, 0x1F}
	}
	switch b.compression {
	case 0, bmpRLE8, bmpRLE4:
	case bmpBitFields:
		masks := head[min(40, size):]
		if size < 52 {
			masks, rest = rest, rest[min(12, len(rest)):]
		}
		if len(masks) < 12 {
			return bmpFile{}, io.ErrUnexpectedEOF
		}
		m := [3]uint32{le.Uint32(masks), le.Uint32(masks[4:]), le.Uint32(masks[8:])}
		if err := checkBMPMasks(m, b.bits); err != nil {
			return bmpFile{}, err
		}
		if m != ([3]uint32{}) {
			b.masks = m
		}
	default:
		return bmpFile{}, fmt.Errorf("a BMP with compression %d, which is not read: save it as PNG", b.compression)
	}
	if b.bits <= 8 {
		colours = cmp.Or(colours, 1<<b.bits)
		if colours < 0 || colours > 65536 {
			return bmpFile{}, errors.New("the BMP image is damaged: its palette is too large")
		}
		if offset == 14+size {
			offset += entry * colours
		}
		for i := 0; i < colours && len(rest) >= entry; i++ {
			b.palette = append(b.palette, [3]uint8{rest[2], rest[1], rest[0]})
			rest = rest[entry:]
		}
	}
	offset = cmp.Or(offset, len(file)-len(rest))
	b.pixels, b.align = file[min(offset, len(file)):], offset%2
	return b, nil
}

// checkBMPMasks returns an error unless Pillow reads the layout.
func checkBMPMasks(m [3]uint32, bitsPerPixel int) error {
	ok := false
	switch bitsPerPixel {
	case 16:
		ok = m == [3]uint32{0xF800, 0x7E0, 0x1F} || m == [3]uint32{0x7C00, 0x3E0, 0x1F}
	case 24:
		ok = m == [3]uint32{0xFF0000, 0xFF00, 0xFF}
	case 32:
		ok = true
		for _, v := range m {
			ok = ok && (v == 0 || v>>(bits.TrailingZeros32(v)&^7) == 255)
		}
	}
	if !ok {
		return fmt.Errorf("a BMP of %d bits with the masks %x, which is not read: save it as PNG", bitsPerPixel, m)
	}
	return nil
}

func openBMP(file []byte) (header, decoder, error) {
	b, err := readBMP(file)
	return header{w: b.w, h: b.h, perByte: 5}, b.decode, err
}

func (b bmpFile) decode(Options) (_ *image.NRGBA, _ Notes, err error) {
	stride := (b.w*b.bits + 31) / 32 * 4
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		if b.bits > 8 {
			return nil, 0, errors.New("the BMP image is damaged: it has no palette")
		}
		if b.pixels, err = b.unpackRuns(); err != nil {
			return nil, 0, err
		}
		b.bits, stride = 8, b.w
	}
	if len(b.pixels) < stride*b.h {
		return nil, 0, io.ErrUnexpectedEOF
	}
	img := image.NewNRGBA(image.Rect(0, 0, b.w, b.h))
	pixel := b.pixelReader()
	for y := range b.h {
		from := y
		if !b.topDown {
			from = b.h - 1 - y
		}
		row, dst := b.pixels[from*stride:][:stride], img.Pix[y*img.Stride:]
		for x := range b.w {
			p := dst[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2] = pixel(row, x)
			p[3] = 255
		}
	}
	return img, 0, nil
}

// pixelReader returns a function that reads pixel x of a row.
func (b *bmpFile) pixelReader() func(row []byte, x int) (red, green, blue uint8) {
	if b.bits <= 8 {
		return func(row []byte, x int) (uint8, uint8, uint8) {
			at := x * b.bits
			i := int(row[at/8]) >> (8 - b.bits - at%8) & (1<<b.bits - 1)
			if i >= len(b.palette) {
				return 0, 0, 0
			}
			return b.palette[i][0], b.palette[i][1], b.palette[i][2]
		}
	}
	sample := func(v uint32, c int) uint8 {
		m := b.masks[c]
		shift := bits.TrailingZeros32(m)
		if m == 0 {
			return 0
		}
		return uint8(v & m >> shift * 255 / (m >> shift))
	}
	return func(row []byte, x int) (uint8, uint8, uint8) {
		v := uint32(0)
		for i, byte := range row[x*b.bits/8 : (x+1)*b.bits/8] {
			v |= uint32(byte) << (8 * i)
		}
		return sample(v, 0), sample(v, 1), sample(v, 2)
	}
}

// unpackRuns returns the indices of a run-length encoded image, a byte each, as Pillow's BmpRleDecoder does.
func (b *bmpFile) unpackRuns() ([]byte, error) {
	size, at := b.w*b.h, 0
	out := make([]byte, 0, size)
	next := func(n int) []byte {
		n = min(n, len(b.pixels)-at)
		at += n
		return b.pixels[at-n : at]
	}
	x := 0
	for len(out) < size {
		pair := next(2)
		if len(pair) < 2 {
			break
		}
		n, v := int(pair[0]), pair[1]
		switch {
		case n > 0:
			n = min(n, max(0, b.w-x))
			for i := range n {
				switch {
				case b.compression == bmpRLE8:
					out = append(out, v)
				case i%2 == 0:
					out = append(out, v>>4)
				default:
					out = append(out, v&15)
				}
			}
			x += n
		case v == 0: // end of a row
			for len(out)%b.w != 0 {
				out = append(out, 0)
			}
			x = 0
		case v == 1: // end of the image
			return b.checkRuns(out)
		case v == 2: // a step to the right and up
			step := next(2)
			if len(step) < 2 {
				return b.checkRuns(out)
			}
			out = append(out, make([]byte, min(size-len(out), int(step[0])+int(step[1])*b.w))...)
			x = len(out) % b.w
		default:
			n := min(int(v), size-len(out))
			if b.compression == bmpRLE4 {
				for i, pair := range next((n + 1) / 2) {
					if out = append(out, pair>>4); 2*i+1 < n {
						out = append(out, pair&15)
					}
				}
			} else {
				out = append(out, next(n)...)
			}
			x += int(v)
			if (at+b.align)%2 != 0 {
				at = min(at+1, len(b.pixels))
			}
		}
	}
	return b.checkRuns(out)
}

// checkRuns returns an error if pixels are missing.
func (b *bmpFile) checkRuns(out []byte) ([]byte, error) {
	if len(out) < b.w*b.h {
		return nil, io.ErrUnexpectedEOF
	}
	return out, nil
}
