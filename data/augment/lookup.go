package augment

import (
	"image"
	"image/color"
)

// tables holds the new level for each level of R, G and B.
type tables [3][256]uint8

// sameTable returns tables that change the three channels alike.
func sameTable(level func(v int) int) *tables {
	var t tables
	for v := range 256 {
		n := uint8(level(v))
		t[0][v], t[1][v], t[2][v] = n, n, n
	}
	return &t
}

func (t *tables) apply(dst, src *image.NRGBA) {
	for y := range src.Rect.Dy() {
		from, to := row(src, y), row(dst, y)
		for len(from) >= 4 && len(to) >= 4 {
			to[0], to[1], to[2], to[3] = t[0][from[0]], t[1][from[1]], t[2][from[2]], 255
			from, to = from[4:], to[4:]
		}
	}
}

func invert(dst, src *image.NRGBA, _ float64, _ color.NRGBA) {
	sameTable(func(v int) int { return 255 - v }).apply(dst, src)
}

// posterize keeps the upper bits; with none the image is black.
func posterize(dst, src *image.NRGBA, bits float64, _ color.NRGBA) {
	mask := ^(1<<(8-min(max(int(bits), 0), 8)) - 1)
	sameTable(func(v int) int { return v & mask }).apply(dst, src)
}

// solarize inverts levels from threshold on.
func solarize(dst, src *image.NRGBA, threshold float64, _ color.NRGBA) {
	sameTable(func(v int) int {
		if v >= int(threshold) {
			return 255 - v
		}
		return v
	}).apply(dst, src)
}

// solarizeAdd adds to levels below 128.
func solarizeAdd(dst, src *image.NRGBA, add float64, _ color.NRGBA) {
	sameTable(func(v int) int {
		if v < 128 {
			return min(255, v+int(add))
		}
		return v
	}).apply(dst, src)
}

// histograms counts the pixels of each level of R, G and B.
func histograms(img *image.NRGBA) *[3][256]int {
	var h [3][256]int
	for y := range img.Rect.Dy() {
		for p := row(img, y); len(p) >= 4; p = p[4:] {
			h[0][p[0]]++
			h[1][p[1]]++
			h[2][p[2]]++
		}
	}
	return &h
}

// autoContrast stretches each channel to the whole range.
func autoContrast(dst, src *image.NRGBA, _ float64, _ color.NRGBA) {
	var t tables
	for c, h := range histograms(src) {
		low, high := 0, 255
		for low < 255 && h[low] == 0 {
			low++
		}
		for high > 0 && h[high] == 0 {
			high--
		}
		scale, offset := 1.0, 0.0
		if high > low {
			scale = 255 / float64(high-low)
			offset = -float64(low) * scale
		}
		for v := range 256 {
			t[c][v] = uint8(min(max(int(float64(float64(v)*scale)+offset), 0), 255))
		}
	}
	t.apply(dst, src)
}

// equalize makes each channel's histogram as flat as a table of levels can.
func equalize(dst, src *image.NRGBA, _ float64, _ color.NRGBA) {
	t := sameTable(func(v int) int { return v })
	for c, h := range histograms(src) {
		sum, last := 0, 0
		for _, n := range h {
			sum += n
			if n > 0 {
				last = n
			}
		}
		step := (sum - last) / 255
		if step == 0 {
			continue
		}
		n := step / 2
		for v := range 256 {
			t[c][v] = uint8(min(n/step, 255))
			n += h[v]
		}
	}
	t.apply(dst, src)
}
