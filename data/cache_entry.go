package data

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"os"
)

// An entry is a head of 20 bytes and the pixels, 3 bytes each, row after row:
//
//	0   "foveargb"
//	8   width, 4 bytes, least significant first
//	12  height
//	16  CRC-32C of width, height and pixels
const (
	entryMagic = "foveargb"
	entryHead  = 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func entrySize(img *image.NRGBA) int { return entryHead + 3*img.Rect.Dx()*img.Rect.Dy() }

func encodeEntry(img *image.NRGBA) []byte {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := make([]byte, entrySize(img))
	copy(out, entryMagic)
	binary.LittleEndian.PutUint32(out[8:], uint32(w))
	binary.LittleEndian.PutUint32(out[12:], uint32(h))
	to := out[entryHead:]
	for y := range h {
		row := img.Pix[y*img.Stride:][:4*w]
		for len(row) > 0 {
			to[0], to[1], to[2] = row[0], row[1], row[2]
			row, to = row[4:], to[3:]
		}
	}
	binary.LittleEndian.PutUint32(out[16:], entrySum(out))
	return out
}

func entrySum(entry []byte) uint32 {
	return crc32.Update(crc32.Checksum(entry[8:16], castagnoli), castagnoli, entry[entryHead:])
}

// readEntry reads an entry that is whole.
func readEntry(path string) (*image.NRGBA, error) {
	in, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	damaged := fmt.Errorf("the entry %s is damaged", path)
	if len(in) < entryHead || string(in[:8]) != entryMagic {
		return nil, damaged
	}
	w, h := int(binary.LittleEndian.Uint32(in[8:])), int(binary.LittleEndian.Uint32(in[12:]))
	if w < 1 || h < 1 || w > maxPixels/h || len(in) != entryHead+3*w*h ||
		binary.LittleEndian.Uint32(in[16:]) != entrySum(in) {
		return nil, damaged
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	from, to := in[entryHead:], img.Pix
	for len(to) >= 4 {
		to[0], to[1], to[2], to[3] = from[0], from[1], from[2], 255
		from, to = from[3:], to[4:]
	}
	return img, nil
}
