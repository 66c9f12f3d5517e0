package figures

import (
	"fmt"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Split is a part of a dataset with its number of images of each class.
type Split struct {
	Name   string
	Counts []int
}

// Classes draws how the images of each split are distributed over the classes: a row a class, a column a split. A bar
// shows the fraction of the split, beside it the number of images. All bars have one scale.
func Classes(classes []string, splits []Split, title string) *Figure {
	label, widest := TextStyle(textSize), maxLabelWidth
	if len(splits) > 1 {
		widest = 75
	}
	names := make([]string, len(classes))
	var left vg.Length
	for i, name := range classes {
		names[i] = Abbreviate(name, label, widest)
		left = max(left, label.Width(names[i]))
	}
	totals := make([]int, len(splits))
	var largest float64
	for s, split := range splits {
		for _, n := range split.Counts {
			totals[s] += n
		}
		for _, n := range split.Counts {
			largest = max(largest, share(n, totals[s]))
		}
	}
	f := &Figure{width: columnWidth, height: titleHeight + lineHeight*vg.Length(len(classes)+1) + margin}
	f.draw = func(c draw.Canvas) {
		f.drawTitle(c, title)
		top := f.height - titleHeight
		row := func(i int) vg.Length { return top - lineHeight*(vg.Length(i)+1.5) } // its middle
		name := aligned(textSize, text.XRight, text.YCenter)
		for i := range names {
			c.FillText(name, vg.Point{X: margin + left, Y: row(i)}, names[i])
		}
		wide := (f.width - 2*margin - left) / vg.Length(len(splits))
		value := aligned(textSize, text.XLeft, text.YCenter)
		for s, split := range splits {
			x := margin + left + gap + wide*vg.Length(s)
			c.FillText(value, vg.Point{X: x, Y: top - lineHeight/2},
				Abbreviate(fmt.Sprintf("%s: %d", split.Name, totals[s]), value, wide-gap))
			room := wide - 2*gap - label.Width("00000")
			for i, n := range split.Counts {
				length := room * vg.Length(share(n, totals[s])/max(largest, 1e-9))
				if n > 0 {
					corner := vg.Point{X: x, Y: row(i) - lineHeight*0.35}
					c.FillPolygon(okabeIto[0], rectangle(corner, max(length, 0.5), lineHeight*0.7))
				}
				c.FillText(value, vg.Point{X: x + length + gap, Y: row(i)}, fmt.Sprint(n))
			}
			c.StrokeLine2(draw.LineStyle{Color: frameInk, Width: 0.6}, x, row(len(names)-1)-lineHeight/2, x, row(0)+lineHeight/2)
		}
	}
	return f
}

func share(n, total int) float64 {
	if total == 0 {
		return 0
	}
	return float64(n) / float64(total)
}
