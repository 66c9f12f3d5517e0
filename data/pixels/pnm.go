package pixels

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
)

// A pnmHeader is the head of a PBM (P1 plain, P4 binary), PGM (P2, P5) or PPM (P3, P6) file as netpbm's manual pages
// pbm(5), pgm(5) and ppm(5) define it.
type pnmHeader struct {
	plain         bool
	isBits        bool // of a PBM, in which 1 is black
	channels      int
	width, height int
	maxval        int // 1 to 65535; above 255 a binary sample has two bytes
}

func openPNM(file []byte) (header, decoder, error) {
	r := bufio.NewReader(bytes.NewReader(file))
	h, err := readPNMHeader(r)
	decode := func(o Options) (*image.NRGBA, Notes, error) { return h.decode(r, o) }
	return header{w: h.width, h: h.height, perByte: 4}, decode, err
}

// decode scales samples to 8 bits as Pillow does: round(v / maxval · 255), half to even. Binary samples above maxval
// count as maxval. A maxval of 65535 says nothing of the samples: o does.
func (h pnmHeader) decode(r *bufio.Reader, o Options) (*image.NRGBA, Notes, error) {
	white := h.maxval
	if h.maxval == 65535 && o.White > 0 {
		white = o.White
	}
	scale, wide := make([]uint8, h.maxval+1), newScale(o.White)
	for v := range scale {
		scale[v] = uint8(math.RoundToEven(min(float64(v)/float64(white), 1) * 255))
	}
	img := image.NewNRGBA(image.Rect(0, 0, h.width, h.height))
	sample := h.sampleReader(r)
	for i := 0; i < len(img.Pix); i += 4 {
		p := img.Pix[i : i+4 : i+4]
		for c := range h.channels {
			v, err := sample()
			if err != nil {
				return nil, 0, fmt.Errorf("pnm: sample %d: %w", i/4*h.channels+c, err)
			}
			if p[c] = scale[v]; h.maxval == 65535 {
				wide.apply(uint16(v))
			}
		}
		if h.channels == 1 {
			p[1], p[2] = p[0], p[0]
		}
		p[3] = 255
	}
	return img, wide.notes(), nil
}

// sampleReader returns a function that reads the next sample, 0 to maxval.
func (h pnmHeader) sampleReader(r *bufio.Reader) func() (int, error) {
	switch {
	case h.isBits:
		return h.bitReader(r)
	case h.plain:
		return func() (int, error) {
			v, err := readPNMNumber(r)
			if err == nil && v > h.maxval {
				err = fmt.Errorf("%d is above the maximum of %d", v, h.maxval)
			}
			return v, err
		}
	case h.maxval < 256:
		return func() (int, error) {
			v, err := r.ReadByte()
			return min(int(v), h.maxval), unexpectedEOF(err)
		}
	}
	return func() (int, error) {
		high, err := r.ReadByte()
		if err != nil {
			return 0, unexpectedEOF(err)
		}
		low, err := r.ReadByte()
		return min(int(high)<<8|int(low), h.maxval), unexpectedEOF(err)
	}
}

// bitReader returns a function that reads the next pixel of a PBM: 0 for black, 1 for white.
func (h pnmHeader) bitReader(r *bufio.Reader) func() (int, error) {
	x, packed := 0, byte(0)
	return func() (int, error) {
		if h.plain {
			for {
				switch c, err := r.ReadByte(); {
				case err != nil:
					return 0, unexpectedEOF(err)
				case c == '0' || c == '1':
					return int('1' - c), nil
				case c == '#':
					if err := skipLine(r); err != nil {
						return 0, unexpectedEOF(err)
					}
				case c != ' ' && (c < '\t' || c > '\r'):
					return 0, fmt.Errorf("%q is neither 0 nor 1", c)
				}
			}
		}
		if x%8 == 0 {
			var err error
			if packed, err = r.ReadByte(); err != nil {
				return 0, unexpectedEOF(err)
			}
		}
		v := int(packed >> (7 - x%8) & 1)
		x = (x + 1) % h.width
		return 1 - v, nil
	}
}

func readPNMHeader(r *bufio.Reader) (pnmHeader, error) {
	var magic [2]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return pnmHeader{}, fmt.Errorf("pnm: %w", unexpectedEOF(err))
	}
	h := pnmHeader{plain: magic[1] <= '3', isBits: magic[1] == '1' || magic[1] == '4', channels: 1}
	if magic[1] == '3' || magic[1] == '6' {
		h.channels = 3
	}
	for _, field := range []struct {
		name string
		into *int
		most int
	}{{"width", &h.width, math.MaxInt32}, {"height", &h.height, math.MaxInt32}, {"maximum", &h.maxval, 65535}} {
		if h.isBits && field.into == &h.maxval {
			h.maxval = 1
			break
		}
		v, err := readPNMNumber(r)
		if err != nil {
			return pnmHeader{}, fmt.Errorf("pnm: %s: %w", field.name, err)
		}
		if v < 1 || v > field.most {
			return pnmHeader{}, fmt.Errorf("pnm: a %s of %d is not in 1 to %d", field.name, v, field.most)
		}
		*field.into = v
	}
	return h, nil
}

// readPNMNumber skips white space and comments, then reads a decimal number and the one white-space character behind
// it.
func readPNMNumber(r *bufio.Reader) (int, error) {
	v, digits := 0, 0
	for {
		c, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && digits > 0:
			return v, nil // the file's last number
		case err != nil:
			return 0, unexpectedEOF(err)
		case c == '#':
			if err := skipLine(r); err != nil {
				return 0, unexpectedEOF(err)
			}
		case c == ' ' || c >= '\t' && c <= '\r':
			if digits > 0 {
				return v, nil
			}
		case c < '0' || c > '9':
			return 0, fmt.Errorf("%q is no decimal digit", c)
		case digits == 10:
			return 0, errors.New("a number has more than 10 digits")
		default:
			v = v*10 + int(c-'0')
			digits++
		}
	}
}

func skipLine(r *bufio.Reader) error {
	for {
		c, err := r.ReadByte()
		if err != nil || c == '\n' || c == '\r' {
			return err
		}
	}
}

func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
