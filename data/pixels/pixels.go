package pixels

import (
	"errors"
	"fmt"
	"image"
	"io"
)

// Options say how samples become pixels.
type Options struct {
	// White is the sample of a 16-bit image that becomes 255; larger ones do too. With 0 it is the largest value that the
	// file says its samples have, else 65535.
	White int
}

// Decode decodes the content of an image file to opaque RGB. A panic of a format's decoder becomes an error, since
// files come from anywhere.
func Decode(file []byte, o Options) (img *image.NRGBA, notes Notes, err error) {
	defer recoverDecoder(&err)
	k, h, err := inspect(file)
	if err != nil {
		return nil, 0, err
	}
	img, notes, err = k.decode(file, o)
	if err != nil {
		return nil, 0, describe(err, file)
	}
	return img, notes | h.notes, nil
}

// Size returns width and height, in pixels, of the image that Decode returns, and decodes nothing. It refuses the sizes,
// and the numbers of scans, that Decode refuses.
func Size(file []byte) (w, h int, err error) {
	defer recoverDecoder(&err)
	_, head, err := inspect(file)
	return head.w, head.h, err
}

// recoverDecoder turns a panic of a decoder into an error.
func recoverDecoder(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the file is damaged: the decoder failed with %q", fmt.Sprint(r))
	}
}

// A header holds what the first bytes of a file say.
type header struct {
	w, h    int
	perByte int // bytes of memory for each pixel, as many as decoding takes at most
	notes   Notes
}

// inspect returns the kind of a file and its header, or an error if it is none that Decode reads or if it is too large.
func inspect(file []byte) (*kind, header, error) {
	if len(file) == 0 {
		return nil, header{}, errors.New("the file is empty")
	}
	k, err := kindOf(file)
	if err != nil {
		return nil, header{}, err
	}
	h, err := k.header(file)
	if err != nil {
		return nil, header{}, describe(err, file)
	}
	if h.w <= 0 || h.h <= 0 {
		return nil, header{}, fmt.Errorf("its size of %d×%d pixels is not an image's", h.w, h.h)
	}
	if err := checkLimit(h); err != nil {
		return nil, header{}, err
	}
	return k, h, nil
}

// describe says of a file that ends too early where it ends.
func describe(err error, file []byte) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is cut short after %d bytes: %w", len(file), err)
	}
	return err
}
