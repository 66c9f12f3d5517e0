package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"os"
	"sync"
)

// An entry is a head of 52 bytes and the pixels, 3 bytes each, row after row:
//
//	0   "foveargb"
//	8   width, 4 bytes, least significant first
//	12  height
//	16  digest of the image's pixels as they were decoded, see [Content]
//	48  CRC-32C of all that stands between magic and it, and of the pixels
const (
	entryMagic  = "foveargb"
	entryDigest = 16
	entryCheck  = entryDigest + sha256.Size
	entryHead   = entryCheck + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func entrySize(img *image.NRGBA) int { return entryHead + 3*img.Rect.Dx()*img.Rect.Dy() }

func encodeEntry(img *image.NRGBA, of Content) []byte {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := make([]byte, entrySize(img))
	copy(out, entryMagic)
	binary.LittleEndian.PutUint32(out[8:], uint32(w))
	binary.LittleEndian.PutUint32(out[12:], uint32(h))
	copy(out[entryDigest:], of.pixels[:])
	to := out[entryHead:]
	for y := range h {
		row := img.Pix[y*img.Stride:][:4*w]
		for len(row) > 0 {
			to[0], to[1], to[2] = row[0], row[1], row[2]
			row, to = row[4:], to[3:]
		}
	}
	binary.LittleEndian.PutUint32(out[entryCheck:], entrySum(out))
	return out
}

func entrySum(entry []byte) uint32 {
	return crc32.Update(crc32.Checksum(entry[8:entryCheck], castagnoli), castagnoli, entry[entryHead:])
}

// readEntry reads an entry that is whole, and adds what it says of the pixels to the content of its file.
func readEntry(path string, of *Content) (*image.NRGBA, error) {
	buffer := entryFiles.Get().(*bytes.Buffer)
	defer entryFiles.Put(buffer)
	buffer.Reset()
	if err := readInto(buffer, path); err != nil {
		return nil, err
	}
	in := buffer.Bytes()
	damaged := fmt.Errorf("the entry %s is damaged", path)
	if len(in) < entryHead || string(in[:8]) != entryMagic {
		return nil, damaged
	}
	w, h := int(binary.LittleEndian.Uint32(in[8:])), int(binary.LittleEndian.Uint32(in[12:]))
	if w < 1 || h < 1 || w > maxPixels/h || len(in) != entryHead+3*w*h ||
		binary.LittleEndian.Uint32(in[entryCheck:]) != entrySum(in) {
		return nil, damaged
	}
	copy(of.pixels[:], in[entryDigest:])
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	from, to := in[entryHead:], img.Pix
	for len(from) >= 4 { // a pixel and a byte of the next, which gives way to the alpha
		binary.LittleEndian.PutUint32(to, binary.LittleEndian.Uint32(from)|255<<24)
		from, to = from[3:], to[4:]
	}
	to[0], to[1], to[2], to[3] = from[0], from[1], from[2], 255
	return img, nil
}

// entryFiles are buffers for files: of the memory that loading an image takes, a third would be theirs.
var entryFiles = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func readInto(buffer *bytes.Buffer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() < 4*maxPixels {
		buffer.Grow(int(info.Size()) + bytes.MinRead) // which is left of it at the end
	}
	_, err = buffer.ReadFrom(f)
	return err
}
