package augment

import (
	"image"
	"image/color"
)

// blendLevels returns Pillow's blend of two levels in float32, truncated: a at factor 0, b at 1. Factors outside [0,1]
// go beyond them.
func blendLevels(a, b uint8, factor float32) uint8 {
	return truncate(float32(a) + float32(factor*float32(int(b)-int(a))))
}

// truncate returns v as a level, rounded towards 0.
func truncate[T float32 | float64](v T) uint8 {
	if v <= 0 {
		return 0
	}
	if v >= 255 {
		return 255
	}
	return uint8(v)
}

// A blender holds the products of blendLevels: factor·(b-a) at 255+b-a.
type blender [511]float32

// newBlender returns the blender of a factor.
func newBlender(factor float64) *blender {
	var t blender
	for i := range t {
		t[i] = float32(factor) * float32(i-255)
	}
	return &t
}

// blend returns blendLevels(a, b, factor).
func (t *blender) blend(a, b uint8) uint8 {
	return truncate(float32(a) + t[255+int(b)-int(a)])
}

// brightness blends with black.
func brightness(dst, src *image.NRGBA, factor float64, _ color.NRGBA) {
	sameTable(func(v int) int { return int(blendLevels(0, uint8(v), float32(factor))) }).apply(dst, src)
}

// contrast blends with the grey of the mean luma.
func contrast(dst, src *image.NRGBA, factor float64, _ color.NRGBA) {
	sum := 0
	w, h := src.Rect.Dx(), src.Rect.Dy()
	for y := range h {
		for p := row(src, y); len(p) >= 4; p = p[4:] {
			sum += int(luma(p[0], p[1], p[2]))
		}
	}
	mean := uint8(float64(sum)/float64(w*h) + 0.5)
	sameTable(func(v int) int { return int(blendLevels(mean, uint8(v), float32(factor))) }).apply(dst, src)
}

// saturate blends with the grey image.
func saturate(dst, src *image.NRGBA, factor float64, _ color.NRGBA) {
	t := newBlender(factor)
	for y := range src.Rect.Dy() {
		from, to := row(src, y), row(dst, y)
		for len(from) >= 4 && len(to) >= 4 {
			l := luma(from[0], from[1], from[2])
			to[0], to[1], to[2], to[3] = t.blend(l, from[0]), t.blend(l, from[1]), t.blend(l, from[2]), 255
			from, to = from[4:], to[4:]
		}
	}
}

// desaturate takes a fraction of the colour away.
func desaturate(dst, src *image.NRGBA, share float64, fill color.NRGBA) {
	saturate(dst, src, clamp(1-share, 0, 1), fill)
}

// luma returns Pillow's conversion to mode L (ITU-R 601).
func luma(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 0x8000) >> 16)
}

// smoothed holds the rounded means of Pillow's filter SMOOTH by the weighted sum of nine pixels. A pixel weighs 5, each
// of its eight neighbours 1.
var smoothed = func() (t [13*255 + 1]uint8) {
	for sum := range t {
		t[sum] = uint8((2*sum + 13) / 26)
	}
	return t
}()

// sharpness blends with the smoothed image. The outermost pixels stay.
func sharpness(dst, src *image.NRGBA, factor float64, _ color.NRGBA) {
	t := newBlender(factor)
	w, h := src.Rect.Dx(), src.Rect.Dy()
	columns := make([]uint64, w) // sums of three pixels below each other
	for y := range h {
		to, here := row(dst, y), row(src, y)
		copy(to, here)
		if y == 0 || y == h-1 || w < 3 {
			continue
		}
		above, below := row(src, y-1), row(src, y+1)
		for x := range columns {
			columns[x] = lanes(above[4*x:]) + lanes(here[4*x:]) + lanes(below[4*x:])
		}
		for x := 1; x < w-1; x++ {
			p, q := here[4*x:4*x+4], to[4*x:4*x+4]
			sum := columns[x-1] + columns[x] + columns[x+1] + 4*lanes(p)
			q[0] = t.blend(smoothed[sum&0xffff], p[0])
			q[1] = t.blend(smoothed[sum>>16&0xffff], p[1])
			q[2] = t.blend(smoothed[sum>>32], p[2])
		}
	}
}

// lanes returns a pixel's R, G and B 16 bits apart, so that one addition adds all three.
func lanes(p []uint8) uint64 {
	_ = p[2]
	return uint64(p[0]) | uint64(p[1])<<16 | uint64(p[2])<<32
}
