package pixels

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"errors"
	"image"
	"io"
)

// A gifFrame is the first picture of a GIF.
type gifFrame struct {
	canvas      image.Point
	place       image.Rectangle
	palette     [][3]uint8 // nil: indices are grey
	transparent int        // index, -1 if there is none
	interlaced  bool
	codeSize    int
	data        []byte
	notes       Notes
}

var errGIF = errors.New("the GIF image is damaged")

// readGIF reads the blocks up to the first picture.
func readGIF(file []byte) (gifFrame, error) {
	f := gifFrame{transparent: -1}
	r := gifReader{file[6:]}
	screen := r.take(7)
	if screen == nil {
		return f, io.ErrUnexpectedEOF
	}
	f.canvas = image.Pt(int(binary.LittleEndian.Uint16(screen)), int(binary.LittleEndian.Uint16(screen[2:])))
	f.palette = r.palette(screen[4], nil)
	for {
		b := r.take(1)
		switch {
		case b == nil:
			return f, io.ErrUnexpectedEOF
		case b[0] == ';':
			return f, errGIF // no picture
		case b[0] == '!':
			label := r.take(1)
			body := r.blocks()
			if label != nil && label[0] == 0xF9 && len(body) >= 4 && body[0]&1 != 0 {
				f.transparent = int(body[3])
			}
		case b[0] == ',':
			d := r.take(9)
			if d == nil {
				return f, io.ErrUnexpectedEOF
			}
			n := func(i int) int { return int(binary.LittleEndian.Uint16(d[i:])) }
			f.place = image.Rect(n(0), n(2), n(0)+n(4), n(2)+n(6))
			f.palette = r.palette(d[8], f.palette)
			f.interlaced = d[8]&0x40 != 0
			size := r.take(1)
			if size == nil {
				return f, io.ErrUnexpectedEOF
			}
			f.codeSize = int(size[0])
			f.data = r.blocks()
			f.canvas = image.Pt(max(f.canvas.X, f.place.Max.X), max(f.canvas.Y, f.place.Max.Y))
			if bytes.IndexByte(r.rest, ',') >= 0 { // not sure: the byte may stand in a comment
				f.notes = r.morePictures()
			}
			return f, nil
		}
	}
}

// A gifReader takes bytes off the rest of a file.
type gifReader struct{ rest []byte }

// take returns the next n bytes, nil if there are fewer.
func (r *gifReader) take(n int) []byte {
	if len(r.rest) < n {
		r.rest = nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// palette reads the palette that flags announce, else it returns the one before. As in Pillow, one that holds each index
// as grey is none.
func (r *gifReader) palette(flags byte, before [][3]uint8) [][3]uint8 {
	if flags&0x80 == 0 {
		return before
	}
	b := r.take(3 << (flags&7 + 1))
	palette := make([][3]uint8, len(b)/3)
	isGrey := true
	for i := range palette {
		palette[i] = [3]uint8(b[3*i:])
		isGrey = isGrey && palette[i] == [3]uint8{uint8(i), uint8(i), uint8(i)}
	}
	if isGrey {
		return nil
	}
	return palette
}

// blocks returns the content of the blocks up to the empty one.
func (r *gifReader) blocks() (out []byte) {
	for {
		n := r.take(1)
		if n == nil || n[0] == 0 {
			return out
		}
		out = append(out, r.take(int(n[0]))...)
	}
}

// morePictures returns Pages if another picture follows.
func (r *gifReader) morePictures() Notes {
	for {
		switch b := r.take(1); {
		case b == nil || b[0] == ';':
			return 0
		case b[0] == ',':
			return Pages
		case b[0] == '!':
			r.take(1)
			r.blocks()
		}
	}
}

func openGIF(file []byte) (header, decoder, error) {
	f, err := readGIF(file)
	return header{w: f.canvas.X, h: f.canvas.Y, perByte: 9, notes: f.notes}, f.decode, err
}

// decode draws the first picture on its canvas. Outside of it there is the transparent colour, else index 0, as in
// Pillow.
func (f gifFrame) decode(Options) (*image.NRGBA, Notes, error) {
	if f.codeSize < 2 || f.codeSize > 8 {
		return nil, 0, errGIF
	}
	var colours [256][3]uint8
	for i := range colours {
		if f.palette == nil {
			colours[i] = [3]uint8{uint8(i), uint8(i), uint8(i)}
		} else if i < len(f.palette) {
			colours[i] = f.palette[i]
		}
	}
	w, h := f.place.Dx(), f.place.Dy()
	indices := make([]byte, w*h)
	if _, err := io.ReadFull(lzw.NewReader(bytes.NewReader(f.data), lzw.LSB, f.codeSize), indices); err != nil {
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			err = errGIF
		}
		return nil, 0, err
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, y := range gifRows(h, f.interlaced) {
		for x, index := range indices[i*w : (i+1)*w] {
			c := colours[index]
			p := img.Pix[img.PixOffset(x, y):][:4:4]
			p[0], p[1], p[2], p[3] = c[0], c[1], c[2], 255
		}
	}
	return onCanvas(img, f.place.Min, f.canvas, colours[max(f.transparent, 0)]), 0, nil
}

// gifRows returns the rows in the order in which they are stored.
func gifRows(h int, interlaced bool) []int {
	passes := [][2]int{{0, 1}} // first row, step
	if interlaced {
		passes = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	rows := make([]int, 0, h)
	for _, p := range passes {
		for y := p[0]; y < h; y += p[1] {
			rows = append(rows, y)
		}
	}
	return rows
}
