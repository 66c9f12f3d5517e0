package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data/jpeg"
)

// TestDecodeAsPillow compares every format and colour mode with Pillow's convert("RGB"). They are equal.
func TestDecodeAsPillow(t *testing.T) {
	wants, err := filepath.Glob(filepath.Join(golden, "modes", "*.rgb.png"))
	if err != nil || len(wants) < 45 {
		t.Fatalf("%d goldens, %v", len(wants), err)
	}
	for _, want := range wants {
		path := strings.TrimSuffix(want, ".rgb.png")
		t.Run(filepath.Base(path), func(t *testing.T) {
			img, err := decodeFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d := compare(t, img, readPNG(t, want))
			if d != (difference{}) {
				t.Errorf("differs by %+v", d)
			}
		})
	}
}

// TestDecodeRefuses: whatever Pillow refuses is refused, with file and cause.
func TestDecodeRefuses(t *testing.T) {
	causes := map[string]string{
		"text.jpg":       `not a JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, PGM or PBM image: it starts with "this is not "`,
		"empty.png":      "the file is empty",
		"truncated.png":  "not enough pixel data",
		"truncated.jpg":  "cut short",
		"no_end.jpg":     "cut short",
		"truncated.webp": "",
		"truncated.tif":  "",
		"truncated.bmp":  "cut short",
		"truncated.ppm":  "cut short",
		"header.pgm":     "cut short",
		"text.pgm":       `'x' is no decimal digit`,
		"above.pgm":      "8 is above the maximum of 7",
	}
	entries, err := os.ReadDir(filepath.Join(golden, "broken"))
	if err != nil || len(entries) != len(causes) {
		t.Fatalf("%d broken files, %v", len(entries), err)
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			path := filepath.Join(golden, "broken", e.Name())
			_, err := decodeFile(path)
			if err == nil {
				t.Fatal("no error")
			}
			t.Log(err)
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), causes[e.Name()]) {
				t.Errorf("%q does not name the file and %q", err, causes[e.Name()])
			}
		})
	}
	if _, err := decodeFile("testdata/none.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

// TestDecodeLimit: a small file that claims a huge image is refused before memory is reserved.
func TestDecodeLimit(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), 2_000_000)
	head = binary.BigEndian.AppendUint32(head, 1_000)
	head = append(head, 8, 2, 0, 0, 0)
	_ = binary.Write(&b, binary.BigEndian, uint32(13))
	b.Write(head)
	_ = binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE(head))
	for name, file := range map[string][]byte{
		"png": b.Bytes(), "pgm": []byte("P5 65536 65536 255\n"),
	} {
		_, err := decodeBytes(file)
		if err == nil || !strings.Contains(err.Error(), "more than the limit") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecodeScans: a JPEG whose last scan is repeated costs a pass over all pixels for every few bytes. Pillow writes
// six scans of grey and ten of colour.
func TestDecodeScans(t *testing.T) {
	for name, want := range map[string]int{"grey_progressive.jpg": 6, "rgb420_progressive.jpg": 10,
		"rgb422_restart_progressive.jpg": 10, "rgb420.jpg": 1} {
		file, err := os.ReadFile(golden + "/modes/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := jpeg.Scans(file); got != want {
			t.Errorf("%s has %d scans, want %d", name, got, want)
		}
		end := len(file) - 2
		scan := file[bytes.LastIndex(file, []byte{0xFF, 0xDA}):end]
		for _, scans := range []int{maxScans, maxScans + 1} {
			more := slices.Concat(file[:end], bytes.Repeat(scan, scans-want), file[end:])
			_, _, sizeErr := Size(more)
			if errors.Is(sizeErr, ErrTooLarge) != (scans > maxScans) {
				t.Errorf("%s: the error of %d scans is %v", name, scans, sizeErr)
			}
			if _, err := decodeBytes(more); scans > maxScans && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: the error of %d scans is %v", name, scans, err)
			}
		}
	}
}

// TestDecodeRepeats: a TIFF whose tiles all name one piece of the file, 200 KB that unpack to a tile of 256 bytes, is
// given up when it has been read a few times.
func TestDecodeRepeats(t *testing.T) {
	const side, tile = 160, 16
	const tiles = side / tile * side / tile
	piece := append([]byte{0x78, 1}, bytes.Repeat([]byte{0, 0, 0, 0xFF, 0xFF}, 40_000)...) // empty blocks of deflate
	piece = append(piece, 1, 0, 1, 0xFF, 0xFE)                                             // 256 bytes as they are
	pixels := make([]byte, tile*tile)
	piece = binary.BigEndian.AppendUint32(append(piece, pixels...), adler32.Checksum(pixels))
	le := binary.LittleEndian
	file := append(le.AppendUint32([]byte("II*\x00"), uint32(8+len(piece)+8*tiles)), piece...)
	for _, v := range []int{8, len(piece)} { // offsets, lengths
		for range tiles {
			file = le.AppendUint32(file, uint32(v))
		}
	}
	file = le.AppendUint16(file, 10)
	for _, e := range [][4]int{{256, 4, 1, side}, {257, 4, 1, side}, {258, 3, 1, 8}, {259, 3, 1, 8},
		{262, 3, 1, 1}, {277, 3, 1, 1},
		{322, 4, 1, tile}, {323, 4, 1, tile}, {324, 4, tiles, 8 + len(piece)}, {325, 4, tiles, 8 + len(piece) + 4*tiles}} {
		file = le.AppendUint16(le.AppendUint16(file, uint16(e[0])), uint16(e[1]))
		file = le.AppendUint32(le.AppendUint32(file, uint32(e[2])), uint32(e[3]))
	}
	file = append(file, 0, 0, 0, 0)
	if w, h, err := Size(file); w != side || h != side || err != nil {
		t.Fatalf("%d×%d, %v", w, h, err)
	}
	if _, err := decodeBytes(file); !errors.Is(err, errRereads) {
		t.Errorf("the error is %v", err)
	}
}

func FuzzPNM(f *testing.F) {
	for _, s := range []string{
		"P2 2 1 7 1 7", "P3\n#c\n1 1\n255\n1 2 3", "P5 2 2 255 abcd", "P6 1 1 65535 abcdef", "P5 4 4 0 ",
		"P2 99999999999 1 1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		head, decode, err := openPNM(file)
		if err != nil || head.w > 1000 || head.h > 1000 {
			return // decode would be right to reserve much memory
		}
		img, _, err := decode(Options{})
		if err != nil {
			return
		}
		if b := img.Bounds(); b.Dx() != head.w || b.Dy() != head.h {
			t.Errorf("%v from a head of %d×%d", b, head.w, head.h)
		}
	})
}
