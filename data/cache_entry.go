package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"math"
	"sync"

	"fovea/data/pixels"
	"fovea/data/similar"
	"fovea/internal/regular"
)

// An entry of the cache begins with a head of 3,128 bytes. The pixels follow, row after row, 3 bytes each.
//
//	0   "foveargb"
//	8   width, 4 bytes, least significant first
//	12  height, 4 bytes, likewise
//	16  Fingerprint.Pixels of the image as it was decoded
//	48  Fingerprint.Notes, 4 bytes, likewise
//	52  Fingerprint.Print, or zeros if there is none
//	3124  CRC-32C of bytes 8 to 3,123 and of the pixels, 4 bytes, likewise
const (
	entryMagic  = "foveargb"
	entryDigest = 16
	entryNotes  = entryDigest + sha256.Size
	entryPrint  = entryNotes + 4
	entryCheck  = entryPrint + 3*similar.Side*similar.Side
	entryHead   = entryCheck + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entrySize returns the bytes of an image's entry.
func entrySize(img *image.NRGBA) int { return entryHead + 3*img.Rect.Dx()*img.Rect.Dy() }

// encodeEntry returns the entry of an opaque image.
func encodeEntry(img *image.NRGBA, fingerprint Fingerprint) []byte {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := make([]byte, entrySize(img))
	copy(out, entryMagic)
	binary.LittleEndian.PutUint32(out[8:], uint32(w))
	binary.LittleEndian.PutUint32(out[12:], uint32(h))
	copy(out[entryDigest:], fingerprint.Pixels[:])
	binary.LittleEndian.PutUint32(out[entryNotes:], uint32(fingerprint.Notes))
	if fingerprint.Print != nil {
		copy(out[entryPrint:], fingerprint.Print[:])
	}
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

// entrySum returns the checksum of an entry.
func entrySum(entry []byte) uint32 {
	return crc32.Update(crc32.Checksum(entry[8:entryCheck], castagnoli), castagnoli, entry[entryHead:])
}

// readEntry reads an entry and sets Pixels, Notes and Print of fingerprint. It returns an error if the entry is missing or damaged.
func readEntry(path string, fingerprint *Fingerprint) (*image.NRGBA, error) {
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
	if w < 1 || h < 1 || w > math.MaxInt/3/h || len(in) != entryHead+3*w*h ||
		binary.LittleEndian.Uint32(in[entryCheck:]) != entrySum(in) {
		return nil, damaged
	}
	copy(fingerprint.Pixels[:], in[entryDigest:])
	fingerprint.Notes = pixels.Notes(in[entryNotes])
	fingerprint.Print = nil
	if p := similar.Print(in[entryPrint:entryCheck]); p != (similar.Print{}) {
		fingerprint.Print = &p
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	from, to := in[entryHead:], img.Pix
	for len(from) >= 4 { // reads a byte of the next pixel too, which alpha replaces
		binary.LittleEndian.PutUint32(to, binary.LittleEndian.Uint32(from)|255<<24)
		from, to = from[3:], to[4:]
	}
	to[0], to[1], to[2], to[3] = from[0], from[1], from[2], 255
	return img, nil
}

// entryFiles keeps buffers for later calls of readEntry. New ones would be a third of the memory that loading an image
// allocates.
var entryFiles = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readInto appends the content of a file to buffer.
func readInto(buffer *bytes.Buffer, path string) error {
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() < 4<<30 {
		buffer.Grow(int(info.Size()) + bytes.MinRead) // ReadFrom wants this much room at the end
	}
	_, err = buffer.ReadFrom(f)
	return err
}
