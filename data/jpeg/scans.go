package jpeg

import (
	"bytes"
	"encoding/binary"
)

// Scans returns the number of scans of a file. Each is a pass over the whole image, which a few bytes can ask for.
func Scans(file []byte) int {
	n := 0
	for {
		at := bytes.IndexByte(file, 0xFF)
		if at < 0 || at+1 == len(file) {
			return n
		}
		marker := file[at+1]
		switch {
		case marker == 0xFF: // fill
			file = file[at+1:]
			continue
		case marker == markerEOI:
			return n
		case marker == 0, marker == markerSOI, marker >= markerRST0 && marker <= markerRST7:
			// It stands within a scan, or has no length.
			file = file[at+2:]
			continue
		case marker == markerSOS:
			n++
		}
		if file = file[at+2:]; len(file) < 2 {
			return n
		}
		file = file[min(len(file), int(binary.BigEndian.Uint16(file))):]
	}
}
