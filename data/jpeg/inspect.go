package jpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// An Info holds what the head of a file says.
type Info struct {
	Width, Height, Components int
	Progressive               bool
	Exif                      []byte // content of the first segment with EXIF data, from "Exif\0\0" on
}

// Inspect reads the segments up to the start of the frame. It returns an error for kinds that RGB does not read.
func Inspect(file []byte) (Info, error) {
	if len(file) < 2 || file[0] != 0xFF || file[1] != markerSOI {
		return Info{}, errUnsupported
	}
	d := &decoder{file: file, at: 2, lenient: true}
	var info Info
	for {
		marker, b, err := d.next()
		switch {
		case err != nil:
			return Info{}, err
		case marker == markerEOI || marker == markerSOS:
			return Info{}, errUnsupported
		case marker == markerAPP0+1 && info.Exif == nil && bytes.HasPrefix(b, []byte("Exif\x00\x00")):
			info.Exif = b
		case marker == 0xF7:
			return Info{}, fmt.Errorf("a JPEG-LS image, which is not read: save it as PNG")
		case marker >= markerSOF0 && marker <= markerSOFf && marker != markerDHT && marker != markerDAC:
			if err := d.checkFrame(marker, b); err != nil {
				return Info{}, err
			}
			info.Height, info.Width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
			info.Components, info.Progressive = int(b[5]), d.progressive
			return info, nil
		}
	}
}
