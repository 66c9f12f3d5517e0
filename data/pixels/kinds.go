package pixels

import (
	"bytes"
	"fmt"
	"strings"
)

// A kind is a format that Decode reads.
type kind struct {
	starts []string // first bytes; ? stands for any
	open   func(file []byte) (header, decoder, error)
}

var kinds = []kind{
	{[]string{"\xFF\xD8\xFF"}, openJPEG},
	{[]string{pngSignature}, openPNG},
	{[]string{"RIFF????WEBP"}, openWebP},
	{[]string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"}, openTIFF},
	{[]string{"BM"}, openBMP},
	{[]string{"GIF87a", "GIF89a"}, openGIF},
	{[]string{"P1", "P2", "P3", "P4", "P5", "P6"}, openPNM},
}

// otherKinds lists kinds that are not read, with the way out.
var otherKinds = []struct {
	starts     []string
	name, hint string
}{
	{[]string{"????ftyphe", "????ftypmif1", "????ftypmsf1"}, "a HEIC image, as phones write it", savePNG},
	{[]string{"????ftypavi"}, "an AVIF image", savePNG},
	{[]string{"\x00\x00\x00\x0CjP  ", "\xFF\x4F\xFF\x51"}, "a JPEG 2000 image", savePNG},
	{[]string{"\xFF\x0A", "\x00\x00\x00\x0CJXL "}, "a JPEG XL image", savePNG},
	{[]string{"II\xBC\x01"}, "a JPEG XR image", savePNG},
	{[]string{strings.Repeat("?", 128) + "DICM", "\x08\x00\x05\x00", "\x08\x00\x00\x00", "\x02\x00\x00\x00UL",
		"\x02\x00\x01\x00OB"}, "a DICOM file",
		"export it as PNG from the viewer, or with dcm2img or dcmj2pnm of DCMTK"},
	{[]string{"CMDb"}, "a volume of Heidelberg Engineering (E2E)", "export its scans as PNG or TIFF"},
	{[]string{"FOCT", "FDA"}, "a volume of Topcon (FDA)", "export its scans as PNG or TIFF"},
	{[]string{"8BPS"}, "a Photoshop document", savePNG},
	{[]string{"\x00\x00\x02\x00\x00\x00", "\x00\x00\x0A\x00\x00\x00"}, "a TGA image", savePNG},
	{[]string{"\x00\x00\x01\x00", "\x00\x00\x02\x00"}, "an icon", savePNG},
	{[]string{"\x76\x2F\x31\x01"}, "an OpenEXR image", savePNG},
	{[]string{"P7", "Pf", "PF"}, "a PAM or PFM image", savePNG},
	{[]string{"%PDF"}, "a PDF document", "export its pictures as PNG"},
	{[]string{"PK\x03\x04", "\x1F\x8B", "7z\xBC\xAF"}, "an archive", "unpack it"},
	{[]string{"\x00\x05\x16\x07"}, "a file that macOS puts beside an image, without a picture", "remove it"},
	{[]string{"version https://git-lfs"}, "a pointer of Git LFS, not the image", "fetch it with git lfs pull"},
	{[]string{"<!DOCTYPE", "<html", "<HTML", "<?xml", "<svg"}, "not a JPEG, PNG or other image but a text page", "get the image itself"},
}

const savePNG = "save it as PNG"

// kindOf returns the kind of a file, or an error that says what the file is.
func kindOf(file []byte) (*kind, error) {
	for i := range kinds {
		for _, start := range kinds[i].starts {
			if hasStart(file, start) {
				return &kinds[i], nil
			}
		}
	}
	for _, k := range otherKinds {
		for _, start := range k.starts {
			if hasStart(file, start) {
				return nil, fmt.Errorf("%s, which is not read: %s", k.name, k.hint)
			}
		}
	}
	return nil, fmt.Errorf("not a JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, PGM or PBM image: it starts with %q",
		file[:min(len(file), 12)])
}

func hasStart(file []byte, start string) bool {
	if !strings.Contains(start, "?") {
		return bytes.HasPrefix(file, []byte(start))
	}
	if len(file) < len(start) {
		return false
	}
	for i := range start {
		if start[i] != '?' && start[i] != file[i] {
			return false
		}
	}
	return true
}
