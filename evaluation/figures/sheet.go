package figures

import (
	"fmt"
	"image"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Tile is an image of a contact sheet with its classes.
type Tile struct {
	Image       image.Image // nil where it could not be read
	Actual      string      // class
	Predicted   string
	Probability float64 // of the predicted class
}

// Sheet draws images with their actual and predicted class, six a row.
func Sheet(tiles []Tile, title string) *Figure {
	const across = 6
	const side = (pageWidth - 2*margin - (across-1)*2*gap) / across
	const high = side + gap + 3*lineHeight + 2*gap
	rows := (len(tiles) + across - 1) / across
	f := &Figure{width: pageWidth, height: titleHeight + high*vg.Length(rows) + margin, photographs: true}
	f.draw = func(c draw.Canvas) {
		f.drawTitle(c, title)
		label := aligned(textSize, draw.XLeft, draw.YTop)
		for i, t := range tiles {
			at := vg.Point{X: margin + (side+2*gap)*vg.Length(i%across),
				Y: f.height - titleHeight - high*vg.Length(i/across) - side}
			c.FillPolygon(emptyFill, rectangle(at, side, side))
			if t.Image != nil {
				c.DrawImage(fit(t.Image.Bounds(), at, side), t.Image)
			}
			for k, line := range []string{"actual " + t.Actual, "predicted " + t.Predicted,
				fmt.Sprintf("probability %.3f", t.Probability)} {
				c.FillText(label, vg.Point{X: at.X, Y: at.Y - gap - lineHeight*vg.Length(k)}, Abbreviate(line, label, side))
			}
		}
	}
	return f
}

// fit returns the rectangle of an image in the middle of a square, its shape kept.
func fit(b image.Rectangle, corner vg.Point, side vg.Length) vg.Rectangle {
	longest := vg.Length(max(b.Dx(), b.Dy(), 1))
	w, h := side*vg.Length(b.Dx())/longest, side*vg.Length(b.Dy())/longest
	least := vg.Point{X: corner.X + (side-w)/2, Y: corner.Y + (side-h)/2}
	return vg.Rectangle{Min: least, Max: vg.Point{X: least.X + w, Y: least.Y + h}}
}
