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
	h, decode, err := inspect(file)
	if err != nil {
		return nil, 0, err
	}
	img, notes, err = decode(o)
	if err != nil {
		return nil, 0, describe(err, file)
	}
	return img, notes | h.notes, nil
}

// Size returns width and height, in pixels, of the image that Decode returns, and decodes nothing. It refuses the sizes,
// and the numbers of scans, that Decode refuses.
func Size(file []byte) (w, h int, err error) {
	defer recoverDecoder(&err)
	head, _, err := inspect(file)
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

// A decoder returns the pixels of a file whose header was read, as opaque RGB.
type decoder func(o Options) (*image.NRGBA, Notes, error)

// inspect returns the header of a file and what decodes the rest, or an error if it is of no kind that Decode reads or
// if it is too large.
func inspect(file []byte) (header, decoder, error) {
	if len(file) == 0 {
		return header{}, nil, errors.New("the file is empty")
	}
	k, err := kindOf(file)
	if err != nil {
		return header{}, nil, err
	}
	h, decode, err := k.open(file)
	if err != nil {
		return header{}, nil, describe(err, file)
	}
	if h.w <= 0 || h.h <= 0 {
		return header{}, nil, fmt.Errorf("its size of %d×%d pixels is not an image's", h.w, h.h)
	}
	if err := checkLimit(h); err != nil {
		return header{}, nil, err
	}
	return h, decode, nil
}

// describe says of a file that ends too early where it ends.
func describe(err error, file []byte) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is cut short after %d bytes: %w", len(file), err)
	}
	return err
}
