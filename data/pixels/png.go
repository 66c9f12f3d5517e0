package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

func openPNG(file []byte) (header, decoder, error) {
	config, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return header{}, nil, err
	}
	h := header{w: config.Width, h: config.Height, perByte: 5}
	switch config.ColorModel {
	case color.Gray16Model:
		h.perByte = 6
	case color.RGBA64Model, color.NRGBA64Model:
		h.perByte = 12
	}
	eachChunk(file, func(name string, body []byte, _ bool) bool {
		if name == "eXIf" && isTurned(body) {
			h.notes = Turned
		}
		return true
	})
	return h, func(o Options) (*image.NRGBA, Notes, error) { return decodePNG(file, o) }, nil
}

func decodePNG(file []byte, o Options) (*image.NRGBA, Notes, error) {
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		repaired, ok := repairPNG(file)
		if !ok {
			return nil, 0, err
		}
		if img, err = png.Decode(bytes.NewReader(repaired)); err != nil {
			return nil, 0, err
		}
	}
	rgb, notes := toRGB(img, o)
	return rgb, notes, nil
}

// eachChunk calls do for the chunks of a PNG until it returns false. whole says that a chunk is complete and has the
// checksum of its content. A last chunk that is cut short is passed as far as it goes.
func eachChunk(file []byte, do func(name string, body []byte, whole bool) bool) {
	rest := file[min(len(file), len(pngSignature)):]
	for len(rest) >= 8 {
		n, name := uint64(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		if n+12 > uint64(len(rest)) {
			do(name, rest[8:min(8+n, uint64(len(rest)))], false)
			return
		}
		body := rest[8 : 8+n]
		if !do(name, body, binary.BigEndian.Uint32(rest[8+n:]) == crc32.ChecksumIEEE(rest[4:8+n])) {
			return
		}
		rest = rest[12+n:]
	}
}

// repairPNG writes a PNG anew whose pixels are all there, as Pillow reads it: the end is missing, there is more data than
// pixels, or the checksum of the data is wrong. ok is false if that is not what is wrong.
func repairPNG(file []byte) (repaired []byte, ok bool) {
	var head, between, data []byte // between: palette and transparency
	ok = true
	eachChunk(file, func(name string, body []byte, whole bool) bool {
		switch name {
		case "IHDR":
			head, ok = body, ok && whole && len(body) == 13
		case "PLTE", "tRNS":
			between, ok = appendChunk(between, name, body), ok && whole
		case "IDAT":
			data = append(data, body...)
		case "IEND":
			return false
		}
		return ok
	})
	if !ok || head == nil {
		return nil, false
	}
	pixels, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, false
	}
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.NoCompression)
	if err != nil {
		return nil, false
	}
	if _, err := io.CopyN(w, pixels, pngDataSize(head)); err != nil || w.Close() != nil {
		return nil, false
	}
	out := appendChunk([]byte(pngSignature), "IHDR", head)
	out = appendChunk(append(out, between...), "IDAT", packed.Bytes())
	return appendChunk(out, "IEND", nil), true
}

func appendChunk(out []byte, name string, body []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	start := len(out)
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}

// pngDataSize returns the bytes of the rows of an image with this IHDR.
func pngDataSize(head []byte) int64 {
	w, h := int64(binary.BigEndian.Uint32(head)), int64(binary.BigEndian.Uint32(head[4:]))
	samples := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[head[9]]
	size := func(w, h int64) int64 {
		if w <= 0 {
			return 0
		}
		return h * (1 + (w*samples*int64(head[8])+7)/8)
	}
	if head[12] == 0 {
		return size(w, h)
	}
	total := int64(0)
	for _, p := range [][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2},
		{0, 1, 1, 2}} { // first column and row, steps
		total += size((w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3])
	}
	return total
}
