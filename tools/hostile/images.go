//go:build linux

package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"
	"sync"
)

// images adds images of each kind.
func (g *generator) images() {
	args := func(file string) []string { return classify("-model", model, "-classes", "a,b,c,d", "{}/"+file) }
	for _, name := range append(g.glob("data/pixels/testdata/cases/*.png"), append(g.glob("data/pixels/testdata/cases/*.jpg"),
		append(g.glob("data/pixels/testdata/cases/*.tif"), g.glob("data/pixels/testdata/cases/*.bmp")...)...)...) {
		if !strings.Contains(name, "pillow") {
			ext := path.Ext(name)
			g.damage("image"+ext, "x"+ext, g.read(name), 6, args("x"+ext)...)
		}
	}
	for _, ext := range []string{".webp", ".gif", ".ppm", ".pgm", ".pbm", ".bmp", ".tif", ".jpg", ".png"} {
		names := g.glob("data/pixels/testdata/kinds/*" + ext)
		for i := range 6 {
			name := names[i*len(names)/6]
			g.damage("image"+ext, "x"+ext, g.read(name), 6, args("x"+ext)...)
		}
	}
	add := func(name, ext string, content []byte) {
		g.file("image"+ext, name, "x"+ext, content, args("x"+ext)...)
	}
	// Every size field of a PNG, a JPEG, a BMP and a TIFF, the checksums right.
	deflated := func(r io.Reader) []byte {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		io.Copy(w, r)
		w.Close()
		return b.Bytes()
	}
	zeros := sync.OnceValue(func() []byte { return deflated(times("", "\x00", 200*million, "")) })
	lazy := func(name, ext string, content func() []byte) {
		g.lazy("image"+ext, name, "x"+ext, content, args("x"+ext)...)
	}
	for name, h := range map[string][7]uint32{ // width, height, depth, colour, interlace, 0: a small IDAT
		"large": {1<<31 - 1, 1<<31 - 1, 8, 2}, "wide": {1<<31 - 1, 1, 8, 2}, "high": {1, 1<<31 - 1, 16, 6}, "grey": {30_000, 30_000, 1, 0},
		"limit": {9000, 9000, 1, 0}, "limit-colour": {9000, 9000, 8, 2}, "limit-16": {9000, 9000, 16, 6}, "none": {0, 0, 8, 2},
		"interlaced": {9000, 9000, 1, 0, 1}, "bomb": {8, 8, 8, 2, 0, 1}, "long": {70_000_000, 1, 1, 0, 0, 1}, "tall": {1, 70_000_000, 1, 0, 0, 1},
		"limit-full": {9400, 9400, 8, 2, 0, 1}, "limit-grey-full": {9400, 9400, 8, 0, 0, 1},
	} {
		head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, h[0]), h[1])
		head = chunk("IHDR", append(head, byte(h[2]), byte(h[3]), 0, 0, byte(h[4])))
		if h[5] == 1 {
			lazy("size-"+name, ".png", func() []byte { return png(head, chunk("IDAT", zeros())) })
			continue
		}
		add("size-"+name, ".png", png(head, chunk("IDAT", deflated(strings.NewReader(strings.Repeat("\x00", 1000))))))
	}
	small := chunk("IHDR", []byte{0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0})
	pixels := chunk("IDAT", deflated(strings.NewReader(strings.Repeat("\x00", 200))))
	for name, kind := range map[string]string{"text": "zTXt", "profile": "iCCP"} {
		lazy(name+"-bomb", ".png", func() []byte {
			return png(small, chunk(kind, append([]byte("a\x00\x00"), zeros()...)), pixels)
		})
	}
	add("chunks", ".png", png(small, bytes.Repeat(chunk("tEXt", nil), 1_000_000), pixels))
	add("idats", ".png", png(small, bytes.Repeat(chunk("IDAT", nil), 1_000_000), pixels))
	add("palettes", ".png", png(small, bytes.Repeat(chunk("PLTE", make([]byte, 768)), 10_000), pixels))
	g.sparse("image.png", "sparse", "x.png", png(small, pixels), 1<<38, args("x.png")...)
	g.sparse("image.png", "sparse-small", "x.png", png(small, pixels), 400<<20, args("x.png")...)
	g.sparse("image.jpg", "sparse", "x.jpg", []byte{0xff, 0xd8, 0xff}, 500<<20, args("x.jpg")...)
	g.sparse("image.tif", "sparse", "x.tif", []byte("II*\x00\x08\x00\x00\x00"), 500<<20, args("x.tif")...)

	for _, name := range []string{"rgb444_q100.jpg", "scans9_444.jpg", "arithmetic_progressive.jpg", "adobe_ycc.jpg"} {
		b := g.read("data/pixels/testdata/kinds/" + name)
		for i := 2; i+9 < len(b) && b[i] == 0xff && b[i+1] != 0xda; i += 2 + int(binary.BigEndian.Uint16(b[i+2:])) {
			if m := b[i+1]; m < 0xc0 || m > 0xca || m == 0xc4 || m == 0xc8 {
				continue
			}
			for _, size := range []uint32{0xffffffff, 9400<<16 | 9400, 1<<16 | 0xffff, 0xffff<<16 | 1, 0} {
				c := bytes.Clone(b)
				binary.BigEndian.PutUint32(c[i+5:], size)
				add(fmt.Sprintf("size-%s-%x", name, size), ".jpg", c)
			}
			c := bytes.Clone(b)
			c[i+9] = 255
			add("components-"+name, ".jpg", c)
		}
		if i := bytes.Index(b, []byte{0xff, 0xda}); i > 0 {
			scan := bytes.TrimSuffix(b[i:], []byte{0xff, 0xd9})
			add("scans-"+name, ".jpg", bytes.Join([][]byte{b[:i], bytes.Repeat(scan, 2000)}, nil))
			add("fill-"+name, ".jpg", bytes.Join([][]byte{b[:i], bytes.Repeat([]byte{0xff}, 16*million), scan}, nil))
			add("restarts-"+name, ".jpg", bytes.Join([][]byte{b[:i], scan, bytes.Repeat([]byte{0xff, 0xd0}, 8*million)}, nil))
			add("comments-"+name, ".jpg", bytes.Join([][]byte{b[:2], bytes.Repeat([]byte{0xff, 0xfe, 0, 2}, 4*million), b[2:]}, nil))
		}
	}
	for _, name := range []string{"rgb16.tif", "palette8.tif", "tiles_rgb_lzw.tif", "tiles_big.tif", "pages.tif", "jpeg_rgb.tif",
		"planar_rgba8_None.tif"} {
		g.tiff(name, args("x.tif"))
	}
	for name, text := range map[string]string{"large": "P6 99999999 99999999 255\n", "long": "P6 89000000 1 255\n", "digits": "P6 " + strings.Repeat("9", million),
		"comment": "P6 #" + strings.Repeat("a", 8*million), "space": "P6 " + strings.Repeat(" ", 8*million), "zeros": "P3 9000 9000 255\n" + strings.Repeat("0 ", 8*million),
		"maxval": "P6 8 8 0\n", "bits": "P1 9400 9400\n" + strings.Repeat("1", 8*million)} {
		add("text-"+name, ".ppm", []byte(text))
	}
	for name, size := range map[string][2]uint32{"large": {1<<31 - 1, 1<<31 - 1}, "least": {1 << 31, 1 << 31}, "limit": {9400, 9400}, "flat": {89_000_000, 1}} {
		for _, bmp := range []string{"bmp_565.bmp", "bmp_os2.bmp"} {
			b := bytes.Clone(g.read("data/pixels/testdata/cases/" + bmp))
			binary.LittleEndian.PutUint32(b[18:], size[0])
			binary.LittleEndian.PutUint32(b[22:], size[1])
			add("size-"+name+"-"+bmp, ".bmp", b)
		}
	}
	for name, b := range map[string][]byte{
		"screen": []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x08\x00;"),
		"limit":  []byte("GIF89a\xb8\x24\xb8\x24\x00\x00\x00,\x00\x00\x00\x00\xb8\x24\xb8\x24\x00\x08\x00;"),
		"blocks": append([]byte("GIF89a\x08\x00\x08\x00\x00\x00\x00"), bytes.Repeat([]byte("!\xfe\x01a\x00"), 4*million)...),
		"frames": append([]byte("GIF89a\x08\x00\x08\x00\x00\x00\x00"), bytes.Repeat([]byte(",\x00\x00\x00\x00\x08\x00\x08\x00\x00\x02\x01\x00\x00"), million)...),
	} {
		add("gif-"+name, ".gif", b)
	}
	webp := g.read("data/pixels/testdata/kinds/animated.webp")
	for i, at := range []int{4, 16, 20, 24, 27} {
		b := bytes.Clone(webp)
		copy(b[at:], "\xff\xff\xff\xff\xff\xff")
		add(fmt.Sprintf("size%d", i), ".webp", b)
	}
	for name, b := range map[string][]byte{"empty": nil, "page": []byte("<html>"), "dicom": append(make([]byte, 128), "DICM"...),
		"zeros": make([]byte, 64*million), "names": bytes.Repeat([]byte("\x1b]0;a\a"), million)} {
		add("other-"+name, ".png", b)
	}
}

func png(chunks ...[]byte) []byte {
	return append([]byte("\x89PNG\r\n\x1a\n"), append(bytes.Join(chunks, nil), chunk("IEND", nil)...)...)
}

func chunk(kind string, data []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), kind...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// tiff adds copies of a little-endian TIFF with an extreme number in each field of its first directory, and directories
// in a circle.
func (g *generator) tiff(name string, args []string) {
	b := g.read("data/pixels/testdata/kinds/" + name)
	if string(b[:4]) != "II*\x00" {
		return
	}
	first := int(binary.LittleEndian.Uint32(b[4:]))
	count := int(binary.LittleEndian.Uint16(b[first:]))
	for i := range count {
		at := first + 2 + 12*i
		tag := binary.LittleEndian.Uint16(b[at:])
		for field, offset := range map[string]int{"count": 4, "value": 8} {
			value := uint32(extremes[g.at(i, offset)])
			c := bytes.Clone(b)
			binary.LittleEndian.PutUint32(c[at+offset:], value)
			g.file("image.tif", fmt.Sprintf("%s-%d-%s-%x", name, tag, field, value), "x.tif", c, args...)
		}
	}
	c := bytes.Clone(b)
	binary.LittleEndian.PutUint32(c[first+2+12*count:], uint32(first))
	g.file("image.tif", name+"-circle", "x.tif", c, args...)
}

// at chooses one of the extremes.
func (g *generator) at(i, offset int) int { return (5*i + offset) % len(extremes) }
