package augment

import (
	"image"
	"image/color"
	"math"
	"strconv"
)

// A matrix maps a point (x, y) of the result to the point of the source that it shows: (m[0]·x + m[1]·y + m[2], m[3]·x
// + m[4]·y + m[5]).
type matrix [6]float64

func shearX(dst, src *image.NRGBA, factor float64, fill color.NRGBA) {
	affine(dst, src, matrix{1, factor, 0, 0, 1, 0}, fill)
}

func shearY(dst, src *image.NRGBA, factor float64, fill color.NRGBA) {
	affine(dst, src, matrix{1, 0, 0, factor, 1, 0}, fill)
}

func translateX(dst, src *image.NRGBA, share float64, fill color.NRGBA) {
	affine(dst, src, matrix{1, 0, share * float64(src.Rect.Dx()), 0, 1, 0}, fill)
}

func translateY(dst, src *image.NRGBA, share float64, fill color.NRGBA) {
	affine(dst, src, matrix{1, 0, 0, 0, 1, share * float64(src.Rect.Dy())}, fill)
}

// rotate turns counter-clockwise about the centre.
func rotate(dst, src *image.NRGBA, degrees float64, fill color.NRGBA) {
	cx, cy := float64(src.Rect.Dx())/2, float64(src.Rect.Dy())/2
	if degrees = math.Mod(degrees, 360); degrees < 0 {
		degrees += 360
	}
	angle := -degrees * (math.Pi / 180)
	c, s := round15(math.Cos(angle)), round15(math.Sin(angle))
	affine(dst, src, matrix{
		c, s, float64(c*-cx) + float64(s*-cy) + cx,
		-s, c, float64(-s*-cx) + float64(c*-cy) + cy,
	}, fill)
}

// round15 rounds to 15 decimals, as Pillow does to keep right angles exact.
func round15(x float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 15, 64), 64)
	if err != nil {
		return x
	}
	return r
}

// affine resamples with Pillow's cubic kernel, a = -1. It rounds where Pillow does, in float64 and at the end towards
// 0, so that pixels are equal. The explicit conversions forbid fused multiply-adds. A pixel whose centre shows a point
// outside the source gets the fill colour.
func affine(dst, src *image.NRGBA, m matrix, fill color.NRGBA) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	fw, fh := float64(w), float64(h)
	in := &source{src.Pix, src.Stride, w, h}
	var tap [16]uint8
	for y := range h {
		out := row(dst, y)
		yc := float64(y) + 0.5
		mx, my := m[1]*yc, m[4]*yc
		for x := range w {
			xc := float64(x) + 0.5
			sx := float64(m[0]*xc) + mx + m[2]
			sy := float64(m[3]*xc) + my + m[5]
			p := out[4*x : 4*x+4 : 4*x+4]
			if !(sx >= 0 && sx < fw && sy >= 0 && sy < fh) {
				p[0], p[1], p[2], p[3] = fill.R, fill.G, fill.B, 255
				continue
			}
			sx, sy = sx-0.5, sy-0.5
			x0, y0 := floor(sx), floor(sy)
			dx, dy := sx-float64(x0), sy-float64(y0)
			var r, g, b float64
			switch {
			case dy == 0: // the other lines weigh nothing
				r, g, b = cubicLine(in.line(x0, y0, &tap), dx)
			case dx == 0:
				r, g, b = cubicLine(in.column(x0, y0, &tap), dy)
			default:
				r0, g0, b0 := cubicLine(in.line(x0, y0-1, &tap), dx)
				r1, g1, b1 := cubicLine(in.line(x0, y0, &tap), dx)
				r2, g2, b2 := cubicLine(in.line(x0, y0+1, &tap), dx)
				r3, g3, b3 := cubicLine(in.line(x0, y0+2, &tap), dx)
				r, g, b = cubic(r0, r1, r2, r3, dy), cubic(g0, g1, g2, g3, dy), cubic(b0, b1, b2, b3, dy)
			}
			p[0], p[1], p[2], p[3] = truncate(r), truncate(g), truncate(b), 255
		}
	}
}

// A source is an image whose edge pixels repeat without end.
type source struct {
	pix          []uint8
	stride, w, h int
}

// line returns the four pixels from (x-1, y) on, either in place or copied to tap.
func (s *source) line(x, y int, tap *[16]uint8) *[16]uint8 {
	y = s.stride * min(max(y, 0), s.h-1)
	if x >= 1 && x+2 < s.w {
		return (*[16]uint8)(s.pix[y+4*(x-1):])
	}
	for k := range 4 {
		copy(tap[4*k:4*k+4], s.pix[y+4*min(max(x-1+k, 0), s.w-1):])
	}
	return tap
}

// column returns the four pixels from (x, y-1) down, copied to tap.
func (s *source) column(x, y int, tap *[16]uint8) *[16]uint8 {
	x = 4 * min(max(x, 0), s.w-1)
	for k := range 4 {
		copy(tap[4*k:4*k+4], s.pix[s.stride*min(max(y-1+k, 0), s.h-1)+x:])
	}
	return tap
}

// floor returns the floor of a number above -1.
func floor(x float64) int {
	if x < 0 {
		return -1
	}
	return int(x)
}

// cubic interpolates between b and c at a position in [0,1].
func cubic(a, b, c, d, at float64) float64 {
	p3 := float64(2*(a-b)) + c - d
	p4 := b - a - c + d
	return b + float64(at*(c-a+float64(at*(p3+float64(at*p4)))))
}

// cubicLine returns cubic for R, G and B of four pixels.
func cubicLine(p *[16]uint8, at float64) (r, g, b float64) {
	return cubicLevels(p[0], p[4], p[8], p[12], at),
		cubicLevels(p[1], p[5], p[9], p[13], at),
		cubicLevels(p[2], p[6], p[10], p[14], at)
}

// cubicLevels returns cubic for four levels.
func cubicLevels(a, b, c, d uint8, at float64) float64 {
	i, j, k, l := int(a), int(b), int(c), int(d)
	return float64(j) + float64(at*(float64(k-i)+float64(at*(float64(2*(i-j)+k-l)+float64(at*float64(j-i-k+l))))))
}
