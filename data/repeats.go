package data

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"image"
	"slices"

	"fovea/data/pixels"
	"fovea/data/similar"
	"fovea/internal/disjoint"
)

// A Repeat is an image that several files hold.
type Repeat struct {
	Files  []Position `json:"files"`            // at least two, in order
	Pixels bool       `json:"pixels,omitempty"` // the files differ, the pixels do not

	// Similar says that the pixels differ, but that the images were made from one another; see package similar.
	Similar bool `json:"similar,omitempty"`
}

// A Position names a sample of one of several splits.
type Position struct {
	Split int `json:"split"`
	Index int `json:"index"`
}

// A Fingerprint identifies an image file. Files with the same File are the same to the byte; files with the same Pixels
// show the same image. Print tells images that were made from one another.
type Fingerprint struct {
	File   [sha256.Size]byte // SHA-256 of the file's bytes
	Pixels [sha256.Size]byte // SHA-256 of width, height and the pixels as Decode returns them
	Notes  pixels.Notes      // what was noted when it was decoded
	Print  *similar.Print    // nil for a strip, whose one side is far longer than the other

	content uint64 // contentOf the file's bytes; 0: another process read them
}

// FingerprintOf returns the fingerprint of a file with a content that DecodeBytes turns into img.
func FingerprintOf(content []byte, img *image.NRGBA) Fingerprint {
	f := fingerprintBytes(content)
	f.addPixels(img)
	return f
}

// addPixels sets what the pixels decide.
func (f *Fingerprint) addPixels(img *image.NRGBA) {
	const strip = 64
	f.Pixels = pixelDigest(img)
	if w, h := img.Rect.Dx(), img.Rect.Dy(); max(w, h) <= strip*min(w, h) {
		f.Print = similar.NewPrint(resize(img, fullRect(img.Rect.Size()), similar.Side, similar.Side))
	}
}

// fingerprintBytes returns the fingerprint of a file without what its pixels decide.
func fingerprintBytes(content []byte) Fingerprint {
	return Fingerprint{File: sha256.Sum256(content), content: contentOf(content)}
}

// of reports whether f is the fingerprint of a file with a content.
func (f *Fingerprint) of(content []byte) bool {
	if f.content == 0 {
		return sha256.Sum256(content) == f.File
	}
	return contentOf(content) == f.content
}

// contentOf returns a digest that other content has in one of 2⁶⁴ cases, and never 0. It holds for one process only,
// and takes a fraction of the time of a SHA-256, so that a loader can compute it whenever it reads a file.
func contentOf(content []byte) uint64 { return max(1, maphash.Bytes(contentSeed, content)) }

var contentSeed = maphash.MakeSeed()

// Repeats returns the images that several files of some splits hold: files with the same bytes, and files with the same
// width, height and pixels, such as a PNG and a BMP of one image. [Similar] finds images that were resized, cropped or
// compressed again. fingerprints has those of each split's samples, as [Verify] returns them.
func Repeats(fingerprints [][]Fingerprint) []Repeat {
	groups := map[[sha256.Size]byte][]Position{}
	var order [][sha256.Size]byte
	for s, split := range fingerprints {
		for i, f := range split {
			if groups[f.Pixels] == nil {
				order = append(order, f.Pixels)
			}
			groups[f.Pixels] = append(groups[f.Pixels], Position{s, i})
		}
	}
	at := func(p Position) Fingerprint { return fingerprints[p.Split][p.Index] }
	out := []Repeat{} // in JSON, [] for no repeats; null stands for images that were not compared
	for _, pixels := range order {
		files := groups[pixels]
		if len(files) < 2 {
			continue
		}
		first := at(files[0])
		out = append(out, Repeat{Files: files, Pixels: slices.ContainsFunc(files, func(f Position) bool {
			return at(f).File != first.File
		})})
	}
	return out
}

// Similar returns the images that several files hold with other pixels each, because they were cut, resized, compressed
// again or brightened. A repeat lists all files with these images, those with the same pixels too. workers is the number
// of goroutines, 0 for one a core.
func Similar(fingerprints [][]Fingerprint, workers int) []Repeat {
	var prints []*similar.Print
	var files [][]Position // with the pixels of each print
	known := map[[sha256.Size]byte]int{}
	for s, split := range fingerprints {
		for i, f := range split {
			n, ok := known[f.Pixels]
			if !ok {
				if f.Print == nil {
					continue
				}
				n = len(prints)
				known[f.Pixels] = n
				prints, files = append(prints, f.Print), append(files, nil)
			}
			files[n] = append(files[n], Position{s, i})
		}
	}
	groups := disjoint.New(len(prints))
	for _, pair := range similar.Find(prints, workers) {
		groups.Join(pair[0], pair[1])
	}
	out := []Repeat{}
	for _, group := range groups.All() {
		if len(group) < 2 {
			continue
		}
		x := Repeat{Similar: true}
		for _, n := range group {
			x.Files = append(x.Files, files[n]...)
		}
		slices.SortFunc(x.Files, func(a, b Position) int {
			return cmp.Or(cmp.Compare(a.Split, b.Split), cmp.Compare(a.Index, b.Index))
		})
		out = append(out, x)
	}
	return out
}

// pixelDigest returns the SHA-256 of width, height and pixels.
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
