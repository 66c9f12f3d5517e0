package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"io"

	"golang.org/x/image/webp"
)

// A webpFile holds what is decoded of a WebP: a file of one picture, and its place on the canvas.
type webpFile struct {
	still  []byte
	canvas image.Point // 0 if the picture fills it
	at     image.Point
	notes  Notes
}

// readWebP takes the first frame out of an animation.
func readWebP(file []byte) (webpFile, error) {
	w := webpFile{still: file}
	var frame []byte
	animated := false
	eachRIFF(file[12:], func(name string, body []byte) bool {
		switch {
		case name == "VP8X" && len(body) >= 10:
			animated = body[0]&2 != 0
			w.canvas = image.Pt(1+uint24(body[4:]), 1+uint24(body[7:]))
		case name == "EXIF" && isTurned(bytes.TrimPrefix(body, []byte("Exif\x00\x00"))):
			w.notes |= Turned
		case name == "ANMF" && frame == nil:
			frame = body
		case name == "ANMF":
			w.notes |= Pages
		}
		return true
	})
	if !animated {
		w.canvas = image.Point{}
		return w, nil
	}
	if len(frame) < 16 {
		return w, errors.New("the file is damaged: the animation has no frame")
	}
	w.at = image.Pt(2*uint24(frame), 2*uint24(frame[3:]))
	still := []byte("RIFF\x00\x00\x00\x00WEBP")
	if eachRIFF(frame[16:], func(name string, _ []byte) bool { return name != "ALPH" }) { // alpha needs VP8X
		still = append(still, frame[16:]...)
	} else {
		still = append(still, "VP8X\x0A\x00\x00\x00\x10\x00\x00\x00"...)
		still = append(append(still, frame[6:12]...), frame[16:]...)
	}
	binary.LittleEndian.PutUint32(still[4:], uint32(len(still)-8))
	w.still = still
	return w, nil
}

// eachRIFF calls do for chunks until it returns false. It reports whether do always returned true.
func eachRIFF(b []byte, do func(name string, body []byte) bool) bool {
	for len(b) >= 8 {
		n := min(int(binary.LittleEndian.Uint32(b[4:])), len(b)-8)
		if !do(string(b[:4]), b[8:8+n]) {
			return false
		}
		b = b[min(len(b), 8+n+n%2):]
	}
	return true
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func openWebP(file []byte) (header, decoder, error) {
	w, err := readWebP(file)
	if err != nil {
		return header{}, nil, err
	}
	config, err := webp.DecodeConfig(bytes.NewReader(w.still))
	if err != nil {
		return header{}, nil, webpError(err)
	}
	size := w.canvas
	if size == (image.Point{}) {
		size = image.Pt(config.Width, config.Height)
	}
	return header{w: size.X, h: size.Y, perByte: 12, notes: w.notes}, w.decode, nil
}

func (w webpFile) decode(o Options) (*image.NRGBA, Notes, error) {
	img, err := webp.Decode(bytes.NewReader(w.still))
	if err != nil {
		return nil, 0, webpError(err)
	}
	var rgb *image.NRGBA
	switch img := img.(type) {
	case *image.YCbCr:
		rgb = webpToRGB(img)
	case *image.NYCbCrA:
		rgb = webpToRGB(&img.YCbCr)
	default:
		rgb, _ = toRGB(img, o)
	}
	if w.canvas == (image.Point{}) {
		return rgb, 0, nil
	}
	return onCanvas(rgb, w.at, w.canvas, [3]uint8{}), 0, nil
}

func webpError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errors.New("the WebP image is damaged or cut short: " + err.Error())
}

// onCanvas returns a canvas of a colour with img at a place, which may lie partly outside.
func onCanvas(img *image.NRGBA, at, size image.Point, c [3]uint8) *image.NRGBA {
	if at == (image.Point{}) && img.Rect.Size() == size {
		return img
	}
	out := image.NewNRGBA(image.Rectangle{Max: size})
	background := image.NewUniform(color.NRGBA{c[0], c[1], c[2], 255})
	draw.Draw(out, out.Rect, background, image.Point{}, draw.Src)
	draw.Draw(out, img.Rect.Add(at), img, image.Point{}, draw.Src)
	return out
}

// webpToRGB converts with the chroma interpolation and the fixed-point arithmetic of libwebp. Go's own conversion
// repeats chroma samples and takes WebP's studio range for full range.
func webpToRGB(img *image.YCbCr) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	cbRow, crRow := make([]uint8, w+1), make([]uint8, w+1) // +1: an odd width's last pair
	for y := range h {
		webpChroma(img.Cb, img.CStride, w, h, y, cbRow)
		webpChroma(img.Cr, img.CStride, w, h, y, crRow)
		webpRow(out.Pix[y*out.Stride:], img.Y[y*img.YStride:][:w], cbRow, crRow)
	}
	return out
}

// webpChroma writes row y of chroma, interpolated as libwebp does (upsampling.c) with weights 9, 3, 3 and 1. The image
// has w×h pixels, and a sample of chroma for 2×2 of them.
func webpChroma(pix []uint8, stride, w, h, y int, dst []uint8) {
	across, down := (w+1)/2, (h+1)/2
	row := func(y int) []uint8 { return pix[min(max(y, 0), down-1)*stride:][:across] }
	near, far := row(y/2), row(y/2-1+y%2*2)
	sum := func(x int) int { return int(near[x])*3 + int(far[x]) }
	left, this := sum(0), sum(0)
	for x := range near {
		right := sum(min(x+1, len(near)-1))
		d := dst[2*x : 2*x+2 : 2*x+2]
		d[0], d[1] = uint8((this*3+left+8)>>4), uint8((this*3+right+8)>>4)
		left, this = this, right
	}
}

// webpRow converts studio-range BT.601 as libwebp's yuv.h does: with 14-bit fractions, of which 6 bits are kept to the
// end.
func webpRow(dst, luma, cb, cr []uint8) {
	for x, v := range luma {
		y, b, r := (int32(v)*19077)>>8, int32(cb[x]), int32(cr[x])
		d := dst[4*x : 4*x+4 : 4*x+4]
		d[0] = clamp8((y + (r*26149)>>8 - 14234) >> 6)
		d[1] = clamp8((y - (b*6419)>>8 - (r*13320)>>8 + 8708) >> 6)
		d[2] = clamp8((y + (b*33050)>>8 - 17685) >> 6)
		d[3] = 255
	}
}

func clamp8(v int32) uint8 {
	return uint8(min(max(v, 0), 255))
}
