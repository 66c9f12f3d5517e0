package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"os"
	"path/filepath"

	_ "golang.org/x/image/bmp"  // registers the format
	_ "golang.org/x/image/tiff" // registers the format
	_ "golang.org/x/image/webp" // registers the format

	"fovea/data/jpeg"
)

// maxPixels bounds the size of an image. A file of a few bytes can claim any size, and decoding reserves memory for it.
const maxPixels = 1_000_000_000

// maxScans bounds the time that a JPEG of a few bytes can ask for, as each scan is a pass over all of its pixels.
// Encoders write about ten.
const maxScans = 100

// ErrTooLarge is wrapped by errors about images with too many pixels or scans.
var ErrTooLarge = errors.New("more than the limit")

// Decode reads an image file and returns it as opaque RGB, 8 bits a channel, like Pillow's
// Image.open(path).convert("RGB"): the format is told by the content, not by the name; the orientation in EXIF and
// colour profiles are ignored; grey is repeated; alpha is dropped, not blended.
//
// It differs from Pillow in these points:
//   - It scales 16-bit grey to 8 bits, as Pillow itself does with 16-bit colour. Pillow clips grey at 255, which
//     makes most such images white.
//   - CMYK JPEGs without Adobe's marker, animated WebPs, compressed BMPs, and TIFFs with JPEG or floating-point data
//     are errors.
//   - JPEGs that package jpeg does not decode, such as CMYK, pass another inverse DCT: single values differ by one or
//     two levels.
//
// It refuses images above 10⁹ pixels and JPEGs of more than 100 scans. Errors name the file and the cause.
func Decode(path string) (*image.NRGBA, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading an image: %w", err)
	}
	img, err := DecodeBytes(file)
	if err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", path, err)
	}
	return img, nil
}

// DecodeIn returns a function that decodes images by their paths relative to dir, with slashes. It takes absolute paths
// too.
func DecodeIn(dir string) func(path string) (image.Image, error) {
	return func(path string) (image.Image, error) {
		if path = filepath.FromSlash(path); !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return Decode(path)
	}
}

// DecodeBytes decodes the content of an image file as Decode does. Its errors cannot name the file. A panic of a
// format's decoder becomes an error, since files come from anywhere.
func DecodeBytes(file []byte) (img *image.NRGBA, err error) {
	defer recoverDecoder(&err)
	if _, _, err := DecodeSize(file); err != nil {
		return nil, err
	}
	if img, err := jpeg.Decode(file); err == nil {
		return toRGB(img, "jpeg"), nil
	}
	decoded, format, err := image.Decode(&boundedFile{bytes.NewReader(file), 8*len(file) + 1<<20})
	if err != nil {
		return nil, describe(err, file)
	}
	return toRGB(decoded, format), nil
}

// recoverDecoder turns a panic of a decoder into an error.
func recoverDecoder(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the file is damaged: the decoder failed with %q", fmt.Sprint(r))
	}
}

// DecodeSize returns width and height, in pixels, of an image from its file's content, and decodes nothing. It refuses
// the sizes, and the numbers of scans, that DecodeBytes refuses.
func DecodeSize(file []byte) (w, h int, err error) {
	defer recoverDecoder(&err)
	if len(file) == 0 {
		return 0, 0, errors.New("the file is empty")
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return 0, 0, describe(err, file)
	}
	if config.Width <= 0 || config.Height <= 0 {
		return 0, 0, fmt.Errorf("its size of %d×%d pixels is not an image's", config.Width, config.Height)
	}
	if config.Width > maxPixels/config.Height {
		return 0, 0, fmt.Errorf("%d×%d pixels are %w of %d", config.Width, config.Height, ErrTooLarge, maxPixels)
	}
	if format == "jpeg" {
		if scans := jpeg.Scans(file); scans > maxScans {
			return 0, 0, fmt.Errorf("%d scans of a progressive JPEG are %w of %d", scans, ErrTooLarge, maxScans)
		}
	}
	return config.Width, config.Height, nil
}

// describe says what is wrong with a file that has no known format or ends too early.
func describe(err error, file []byte) error {
	switch {
	case errors.Is(err, image.ErrFormat):
		return fmt.Errorf("not a JPEG, PNG, WebP, TIFF, BMP, PPM or PGM image: it starts with %q",
			file[:min(len(file), 12)])
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the file is cut short after %d bytes: %w", len(file), err)
	}
	return err
}

// A boundedFile lets a decoder read at most a few times the bytes of an image file. Without a bound a small file can
// ask for endless work: the parts of a TIFF may all name the same large piece of it.
type boundedFile struct {
	*bytes.Reader
	left int // bytes that may still be read
}

var errRereads = errors.New("the file is damaged: its parts name the same bytes over and over")

// ReadAt implements io.ReaderAt, which the decoder of TIFFs uses.
func (f *boundedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.Reader.ReadAt(p, off)
	if f.left -= n; f.left < 0 {
		return 0, errRereads
	}
	return n, err
}

// Peek returns the next n bytes. With it package image hands the file itself to the decoder, and no buffered reader.
func (f *boundedFile) Peek(n int) ([]byte, error) {
	p := make([]byte, n)
	got, err := f.Reader.ReadAt(p, f.Size()-int64(f.Len()))
	if errors.Is(err, io.EOF) && got == n {
		err = nil
	}
	return p[:got], err
}
