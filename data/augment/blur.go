package augment

import (
	"image"
	"image/color"
	"math"
)

// gaussianBlur blurs as Pillow does: by three box blurs along each axis (Gwosdek et al., Theoretical Foundations of
// Gaussian Convolution by Extended Box Filtering).
func gaussianBlur(dst, src *image.NRGBA, sigma float64, _ color.NRGBA) {
	const passes = 3
	box := newBox(sigma, passes)
	w, h := src.Rect.Dx(), src.Rect.Dy()
	a, b := make([]uint8, 4*max(w, h)), make([]uint8, 4*max(w, h))
	padded := make([]uint8, 4*(max(w, h)+2*(box.radius+1)))
	for y := range h {
		a, b := a[:4*w], b[:4*w]
		copy(a, row(src, y))
		for range passes {
			box.blur(b, a, padded)
			a, b = b, a
		}
		copy(row(dst, y), a)
	}
	for x := range w {
		a, b := a[:4*h], b[:4*h]
		for y := range h {
			copy(a[4*y:4*y+4], dst.Pix[y*dst.Stride+4*x:])
		}
		for range passes {
			box.blur(b, a, padded)
			a, b = b, a
		}
		for y := range h {
			copy(dst.Pix[y*dst.Stride+4*x:][:4], a[4*y:])
		}
	}
}

// A box filter in fixed point, 24 bits. Each of the 2·radius+1 pixels in the middle weighs whole, each of the two next
// to them edge.
type box struct {
	radius      int
	whole, edge uint32
}

// newBox returns the box filter that has the variance of a Gaussian after some passes.
func newBox(sigma float64, passes int) box {
	// Pillow computes in float32, with the square root and floor in float64.
	variance := float32(float32(sigma)*float32(sigma)) / float32(passes)
	length := float32(math.Sqrt(12*float64(variance) + 1))
	l := float32(math.Floor((float64(length) - 1) / 2))
	a := float32(2*l+1) * (float32(l*(l+1)) - float32(3*variance))
	a /= 6 * (variance - float32((l+1)*(l+1)))
	r := l + a
	n := int(r)
	whole := uint32(float32(1<<24) / float32(float32(r*2)+1))
	return box{n, whole, (1<<24 - uint32(2*n+1)*whole) / 2}
}

// blur writes the blurred line of pixels src to dst. Beyond the ends their pixels repeat, for which padded has room.
func (b box) blur(dst, src, padded []uint8) {
	reach := 4 * (b.radius + 1)
	padded = padded[:len(src)+2*reach]
	for i := 0; i < reach; i += 4 {
		copy(padded[i:i+4], src)
		copy(padded[len(padded)-4-i:], src[len(src)-4:])
	}
	copy(padded[reach:], src)
	for c := range 3 {
		sum := uint32(0) // of the 2·radius+1 pixels in the middle, and before them the one that leaves
		for i := c; i < 2*reach-4; i += 4 {
			sum += uint32(padded[i])
		}
		for i := c; i < len(dst); i += 4 {
			before := uint32(padded[i])
			sum += uint32(padded[i+2*reach-4]) - before
			after := uint32(padded[i+2*reach])
			dst[i] = uint8((sum*b.whole + (before+after)*b.edge + 1<<23) >> 24)
		}
	}
	for i := 3; i < len(dst); i += 4 {
		dst[i] = 255
	}
}
