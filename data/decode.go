package data

import (
	"fmt"
	"image"

	"fovea/data/pixels"
	"fovea/data/store"
)

// ErrTooLarge is wrapped by errors about images with too many pixels or scans.
var ErrTooLarge = pixels.ErrTooLarge

// A Reading says how the samples of a file become pixels. Its zero value is the default.
type Reading struct {
	// White is the sample of a 16-bit image that becomes 255, 4095 for 12 bits. 0: what the file says, else 65535.
	White int
}

// Decode reads an image file and returns it as opaque RGB, 8 bits a channel, like Pillow's
// Image.open(path).convert("RGB"): the format is told by the content, not by the name; the orientation in EXIF and
// colour profiles are ignored, but that of a TIFF is applied; grey is repeated; alpha is dropped, not blended. Of
// several pages or frames it reads the first.
//
// Package pixels says which kinds it reads, and where it differs from Pillow. It refuses images above the limit of
// LimitPixels and JPEGs of more than 100 scans. Errors name the file and the cause.
func (r Reading) Decode(path string) (*image.NRGBA, error) {
	img, _, err := r.DecodeNoted(path)
	return img, err
}

// DecodeNoted does what Decode does, and also returns what may surprise in the image.
func (r Reading) DecodeNoted(path string) (*image.NRGBA, pixels.Notes, error) {
	file, err := readFile(path, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("reading an image: %w", err)
	}
	img, notes, err := r.DecodeBytes(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the image %s: %w", path, err)
	}
	return img, notes, nil
}

// DecodeIn returns a function that decodes images by their paths relative to dir, with slashes. It takes absolute paths
// too.
func (r Reading) DecodeIn(dir string) func(path string) (image.Image, error) {
	return func(path string) (image.Image, error) {
		return r.Decode(store.Resolve(dir, path))
	}
}

// DecodeBytes does what DecodeNoted does for the content of an image file. Its errors cannot name the file.
func (r Reading) DecodeBytes(file []byte) (*image.NRGBA, pixels.Notes, error) {
	return pixels.Decode(file, pixels.Options{White: r.White})
}

// suffix names the reading for a cache, unless it is the default.
func (r Reading) suffix() string {
	if r.White == 0 {
		return ""
	}
	return fmt.Sprintf("-white%d", r.White)
}

// Decode reads an image file with the default Reading.
func Decode(path string) (*image.NRGBA, error) { return Reading{}.Decode(path) }

// DecodeBytes decodes the content of an image file with the default Reading.
func DecodeBytes(file []byte) (*image.NRGBA, error) {
	img, _, err := Reading{}.DecodeBytes(file)
	return img, err
}

// DecodeSize returns width and height, in pixels, of an image from its file's content, and decodes nothing. It refuses
// the sizes, and the numbers of scans, that DecodeBytes refuses.
func DecodeSize(file []byte) (w, h int, err error) { return pixels.Size(file) }

// DefaultPixels is the largest number of pixels of an image unless LimitPixels says otherwise.
const DefaultPixels = pixels.DefaultLimit

// LimitPixels sets the largest number of pixels of an image for the whole process; 0 stands for 89,478,485, where Pillow
// warns. All images that are decoded at a time may take 10 bytes of memory for each of these pixels.
func LimitPixels(n int) { pixels.SetLimit(n) }

// Reserve waits until there is memory to decode a file. The caller must call release when he needs the image no more.
// The error is that of DecodeSize.
func Reserve(file []byte) (release func(), err error) { return pixels.Reserve(file) }
