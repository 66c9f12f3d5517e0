package prepare

import (
	"image"
	"image/draw"
	"slices"

	"github.com/disintegration/imaging"
)

const (
	// contrast is the least difference between retina and background, of 255.
	contrast = 20
	// edge is where between the background's and the retina's level the retina begins: low, because photographs darken
	// towards the rim.
	edge = 0.12
	// leastArea is the least part of the photograph that is the retina.
	leastArea = 0.05
)

// cropFundus returns the retina of a fundus photograph in the middle of a black square that just holds it. ok is false
// if no background is told from the retina; the square then holds the whole photograph.
//
// The retina is the largest connected region that is brighter, in its brightest channel, than the corners; in each row
// all between its ends belongs to it. So dark lesions stay, and the background with its noise and writing goes.
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

// shrink scales a square down to side pixels, like Pillow's BICUBIC; one that is smaller stays as it is.
func shrink(square *image.NRGBA, side int) *image.NRGBA {
	if side == 0 || square.Rect.Dx() <= side {
		return square
	}
	return imaging.Resize(square, side, side, imaging.CatmullRom)
}

// A span is the part of a row from one column to before another.
type span struct{ from, to int }

// retinaRows returns the span of each row that the retina has, nil if it cannot be told from the background.
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
	if inside-background < contrast {
		return nil
	}
	region := largestRegion(level, w, uint8(background+edge*(inside-background)+1))
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
	return rows
}

func pixels(level []uint8, width int, r image.Rectangle) []uint8 {
	var all []uint8
	for y := r.Min.Y; y < r.Max.Y; y++ {
		all = append(all, level[y*width+r.Min.X:y*width+r.Max.X]...)
	}
	return all
}

// median sorts values.
func median(values []uint8) uint8 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// largestRegion returns the pixels of the largest region of neighbours that reach a level, as 32-bit indices: they take
// the most memory of all.
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

func boundsOf(rows []span) image.Rectangle {
	var b image.Rectangle
	for y, r := range rows {
		if r.to > r.from {
			b = b.Union(image.Rect(r.from, y, r.to, y+1))
		}
	}
	return b
}
