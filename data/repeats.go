package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"sync"
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

// content identifies what a file holds; a file that cannot be read or decoded
// has none.
type content struct {
	bytes, pixels [sha256.Size]byte
	ok            bool
}

// Repeats compares all images of some splits with each other: files of the same
// bytes, and files of the same width, height and pixels once they are decoded,
// such as a PNG and a BMP of it. An image that was resized, cropped or
// compressed again is not found. Images that cannot be read are left out:
// [Verify] reports them. The error is the context's; workers and progress are
// those of Verify.
func Repeats(ctx context.Context, splits []*Split, workers int, progress func(done, total int)) ([]Repeat, error) {
	var at []Position
	for s, split := range splits {
		for i := range split.Samples {
			at = append(at, Position{s, i})
		}
	}
	contents := make([]content, len(at))
	done := 0
	var mu sync.Mutex // guards done and serialises progress
	var wg sync.WaitGroup
	jobs := make(chan int)
	for range workerCount(workers) {
		wg.Go(func() {
			for k := range jobs {
				contents[k] = contentOf(splits[at[k].Split].Samples[at[k].Index].Path)
				mu.Lock()
				done++
				if progress != nil {
					progress(done, len(at))
				}
				mu.Unlock()
			}
		})
	}
	for k := 0; k < len(at) && ctx.Err() == nil; k++ {
		jobs <- k
	}
	close(jobs)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("comparing images: %w", err)
	}

	groups := map[[sha256.Size]byte][]int{}
	var order [][sha256.Size]byte
	for k, c := range contents {
		if !c.ok {
			continue
		}
		if groups[c.pixels] == nil {
			order = append(order, c.pixels)
		}
		groups[c.pixels] = append(groups[c.pixels], k)
	}
	out := []Repeat{} // none is not the same as not compared, in JSON neither
	for _, pixels := range order {
		members := groups[pixels]
		if len(members) < 2 {
			continue
		}
		r := Repeat{Pixels: slices.ContainsFunc(members, func(k int) bool {
			return contents[k].bytes != contents[members[0]].bytes
		})}
		for _, k := range members {
			r.Files = append(r.Files, at[k])
		}
		out = append(out, r)
	}
	return out, nil
}

// contentOf reads an image. The bytes alone would not do for files of one image
// in two formats.
func contentOf(path string) content {
	file, err := os.ReadFile(path)
	if err != nil {
		return content{}
	}
	img, err := DecodeBytes(file)
	if err != nil {
		return content{}
	}
	c := content{bytes: sha256.Sum256(file), ok: true}
	sum := sha256.New()
	b := img.Bounds()
	size := binary.LittleEndian.AppendUint64(nil, uint64(b.Dx()))
	sum.Write(binary.LittleEndian.AppendUint64(size, uint64(b.Dy())))
	for y := range b.Dy() {
		row := img.Pix[y*img.Stride:]
		sum.Write(row[:4*b.Dx()])
	}
	sum.Sum(c.pixels[:0])
	return c
}
