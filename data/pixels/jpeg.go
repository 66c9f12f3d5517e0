package pixels

import (
	"bytes"
	"fmt"
	"image"

	"fovea/data/jpeg"
)

// maxScans bounds the time that a JPEG of a few bytes can ask for, as each scan is a pass over all of its pixels.
// Encoders write about ten.
const maxScans = 100

func openJPEG(file []byte) (header, decoder, error) {
	info, err := jpeg.Inspect(file)
	if err != nil {
		return header{}, nil, err
	}
	h := header{w: info.Width, h: info.Height, perByte: info.Components + 4}
	if info.Progressive {
		h.perByte += 2 * info.Components // coefficients
	}
	if scans := jpeg.Scans(file); scans > maxScans {
		return header{}, nil, fmt.Errorf("%d scans of a progressive JPEG are %w of %d", scans, ErrTooLarge, maxScans)
	}
	if exif, ok := bytes.CutPrefix(info.Exif, []byte("Exif\x00\x00")); ok && isTurned(exif) {
		h.notes = Turned
	}
	return h, func(Options) (*image.NRGBA, Notes, error) { return decodeJPEG(file) }, nil
}

func decodeJPEG(file []byte) (*image.NRGBA, Notes, error) {
	var notes Notes
	if img, err := jpeg.Decode(file); err == nil {
		return jpeg.ToRGB(img), notes, nil
	}
	img, flaws, err := jpeg.RGB(file)
	if flaws.Damaged {
		notes |= Damaged
	}
	if flaws.Incomplete {
		notes |= Incomplete
	}
	return img, notes, err
}
