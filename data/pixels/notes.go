package pixels

import (
	"log/slog"
	"math/bits"
	"sync"
)

// Notes says what may surprise in an image that was decoded.
type Notes uint8

// Each of these has one line in the log, with the number of images.
const (
	Turned     Notes = 1 << iota // EXIF orientation was ignored
	Dark                         // samples of 16 bits use a small part of their range
	Damaged                      // compressed data is missing
	Incomplete                   // scans of a progressive JPEG are missing
	Pages                        // further pages or frames were ignored
)

var noteTexts = []struct{ text, remedy string }{
	{"images have an EXIF orientation, which is ignored, as torchvision does: they are read as they are stored",
		"if they are stored turned, save them upright"},
	{"16-bit images use at most a quarter of their range and look nearly black",
		"say which sample is white: data.white_level, or -white-level; 4095 for 12 bits"},
	{"images are damaged: parts of them are grey or out of place", "get the original files"},
	{"progressive JPEGs are incomplete: they are blurred", "get the original files"},
	{"files have several pages or frames, of which the first is read", "save the others as files of their own"},
}

// A Tally counts notes by image. Its zero value is empty. It is safe for concurrent use.
type Tally struct {
	mu     sync.Mutex
	counts [8]int
	first  [8]string
}

// Add counts the notes of the image at path.
func (t *Tally) Add(path string, notes Notes) {
	if notes == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; notes != 0; notes &= notes - 1 {
		i := bits.TrailingZeros8(uint8(notes))
		if t.counts[i]++; t.counts[i] == 1 || path < t.first[i] {
			t.first[i] = path
		}
	}
}

// Log writes a warning for each note, with the number of images and the first of them, and empties the tally.
func (t *Tally) Log() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, n := range t.counts {
		if n > 0 {
			slog.Warn(noteTexts[i].text, "images", n, "first", t.first[i], "remedy", noteTexts[i].remedy)
		}
	}
	t.counts, t.first = [8]int{}, [8]string{}
}
