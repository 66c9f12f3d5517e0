package data

import (
	"crypto/sha256"
	"encoding/binary"
	"image"
	"slices"
)

// Repeat is an image that is there more than once.
type Repeat struct {
	Files  []Position `json:"files"`            // at least two, in order
	Pixels bool       `json:"pixels,omitempty"` // their bytes differ, their pixels do not
}

// Position is a sample of one of several splits.
type Position struct {
	Split int `json:"split"`
	Index int `json:"index"`
}

// Content identifies what an image file holds, by SHA-256 of its bytes, and of width, height and pixels once it is
// decoded.
type Content struct{ bytes, pixels [sha256.Size]byte }

// Repeats compares all images of some splits with each other: files of the same bytes, and files of the same width,
// height and pixels, such as a PNG and a BMP of it. An image that was resized, cropped or compressed again is not
// found. The contents of each split's samples come from [Verify].
func Repeats(contents [][]Content) []Repeat {
	groups := map[[sha256.Size]byte][]Position{}
	var order [][sha256.Size]byte
	for s, split := range contents {
		for i, c := range split {
			if groups[c.pixels] == nil {
				order = append(order, c.pixels)
			}
			groups[c.pixels] = append(groups[c.pixels], Position{s, i})
		}
	}
	out := []Repeat{} // none is not the same as not compared, in JSON neither
	for _, pixels := range order {
		files := groups[pixels]
		if len(files) < 2 {
			continue
		}
		first := contents[files[0].Split][files[0].Index]
		out = append(out, Repeat{Files: files, Pixels: slices.ContainsFunc(files, func(f Position) bool {
			return contents[f.Split][f.Index].bytes != first.bytes
		})})
	}
	return out
}

// pixelDigest is that of an image as Decode returns it.
func pixelDigest(img *image.NRGBA) (digest [sha256.Size]byte) {
	sum := sha256.New()
	b := img.Bounds()
	size := binary.LittleEndian.AppendUint64(nil, uint64(b.Dx()))
	sum.Write(binary.LittleEndian.AppendUint64(size, uint64(b.Dy())))
	for y := range b.Dy() {
		row := img.Pix[y*img.Stride:]
		sum.Write(row[:4*b.Dx()])
	}
	sum.Sum(digest[:0])
	return digest
}
