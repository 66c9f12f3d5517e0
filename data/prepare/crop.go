package prepare

import (
	"image"
	"image/draw"
	"slices"

	"github.com/disintegration/imaging"
)

const (
	// leastContrast is the least difference between retina and background, of 255 levels.
	leastContrast = 20
	// edgeLevel says how bright a pixel of the retina is at least: this far from the background's level to the
	// retina's. It is low, because photographs darken towards the rim.
	edgeLevel = 0.12
	// mostLevel and mostSpread bound the upper quartile of the background, and its distance from the lower one. Without
	// the second, the dark part of a photograph without a border would be cut off.
	mostLevel, mostSpread = 64, 32
	// leastArea is the least fraction of the photograph that the retina covers.
	leastArea = 0.05
)

// cropFundus returns the retina of a fundus photograph in the middle of the smallest black square that holds it. If the
// retina cannot be told from a dark background, ok is false and the square holds the whole photograph.
//
// The retina is the largest connected region that is brighter, in its brightest channel, than the corners. In each row
// all pixels between its ends belong to it. So dark lesions stay, and the background goes, with its noise and writing.
func cropFundus(img *image.NRGBA) (square *image.NRGBA, ok bool) {
	bounds := img.Rect
	rows := retinaRows(img)
	if rows == nil {
		rows = make([]span, bounds.Dy())
		for y := range rows {
			rows[y] = span{0, bounds.Dx()}
		}
	} else {
		ok = true
		bounds = boundsOf(rows)
	}
	side := max(bounds.Dx(), bounds.Dy())
	square = image.NewNRGBA(image.Rect(0, 0, side, side))
	draw.Draw(square, square.Rect, image.Black, image.Point{}, draw.Src)
	left, top := (side-bounds.Dx())/2, (side-bounds.Dy())/2
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		r := rows[y]
		copy(square.Pix[square.PixOffset(left+r.from-bounds.Min.X, top+y-bounds.Min.Y):],
			img.Pix[img.PixOffset(r.from, y):img.PixOffset(r.from, y)+4*(r.to-r.from)])
	}
	return square, ok
}

// shrink returns a square scaled down to side×side pixels with imaging's CatmullRom, which is like Pillow's BICUBIC. It
// returns a square that is not larger unchanged, and any square if side is 0.
func shrink(square *image.NRGBA, side int) *image.NRGBA {
	if side == 0 || square.Rect.Dx() <= side {
		return square
	}
	return imaging.Resize(square, side, side, imaging.CatmullRom)
}

// A span is the part of a row from one column to before another.
type span struct{ from, to int }

// retinaRows returns the span of the retina in each row, or nil if it cannot be told from the background.
func retinaRows(img *image.NRGBA) []span {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	level := make([]uint8, w*h)
	for i := range level {
		p := img.Pix[4*i : 4*i+3 : 4*i+3] // Decode's images have no gaps between rows
		level[i] = max(p[0], p[1], p[2])
	}
	patch := max(1, min(w, h)/32)
	var corners []uint8
	for _, at := range []image.Point{{0, 0}, {w - patch, 0}, {0, h - patch}, {w - patch, h - patch}} {
		corners = append(corners, pixels(level, w, image.Rectangle{at, at.Add(image.Pt(patch, patch))})...)
	}
	background := float64(median(corners))
	inside := float64(median(pixels(level, w, image.Rect(w/4, h/4, w-w/4, h-h/4))))
	if inside-background < leastContrast {
		return nil
	}
	region := largestRegion(level, w, uint8(background+edgeLevel*(inside-background)+1))
	if float64(len(region)) < leastArea*float64(w*h) {
		return nil
	}
	rows := make([]span, h)
	for _, i := range region {
		x, r := int(i)%w, &rows[int(i)/w]
		if r.to == 0 {
			r.from = x
		}
		r.from, r.to = min(r.from, x), max(r.to, x+1)
	}
	if lower, upper := quartilesOutside(level, rows); upper > mostLevel || upper-lower > mostSpread {
		return nil
	}
	return rows
}

// quartilesOutside returns the quartiles of the levels outside the spans, or 0 and 255 if there are none.
func quartilesOutside(level []uint8, rows []span) (lower, upper int) {
	var counts [256]int
	width, total := len(level)/len(rows), 0
	for y, r := range rows {
		for x, v := range level[y*width:][:width] {
			if x < r.from || x >= r.to {
				counts[v]++
				total++
			}
		}
	}
	if total == 0 {
		return 0, 255
	}
	quantile := func(share float64) int {
		below := 0
		for v, n := range counts {
			if below += n; float64(below) > share*float64(total) {
				return v
			}
		}
		return 255
	}
	return quantile(0.25), quantile(0.75)
}

// pixels returns the levels in r, row after row.
func pixels(level []uint8, width int, r image.Rectangle) []uint8 {
	var all []uint8
	for y := r.Min.Y; y < r.Max.Y; y++ {
		all = append(all, level[y*width+r.Min.X:y*width+r.Max.X]...)
	}
	return all
}

// median returns the median of values, which it sorts, or 0 if there are none.
func median(values []uint8) uint8 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// largestRegion returns the indices of the pixels of the largest connected region with levels of at least least. They
// are 32 bits wide, because they take most of the memory.
func largestRegion(level []uint8, width int, least uint8) []int32 {
	seen := make([]bool, len(level))
	var largest, region []int32
	visit := func(i int) {
		if !seen[i] && level[i] >= least {
			seen[i] = true
			region = append(region, int32(i))
		}
	}
	for start := range level {
		region = region[:0]
		visit(start)
		for next := 0; next < len(region); next++ {
			i := int(region[next])
			if i%width > 0 {
				visit(i - 1)
			}
			if i%width < width-1 {
				visit(i + 1)
			}
			if i >= width {
				visit(i - width)
			}
			if i+width < len(level) {
				visit(i + width)
			}
		}
		if len(region) > len(largest) {
			largest, region = region, largest
		}
	}
	return largest
}

// boundsOf returns the smallest rectangle that holds the spans.
func boundsOf(rows []span) image.Rectangle {
	var b image.Rectangle
	for y, r := range rows {
		if r.to > r.from {
			b = b.Union(image.Rect(r.from, y, r.to, y+1))
		}
	}
	return b
}
