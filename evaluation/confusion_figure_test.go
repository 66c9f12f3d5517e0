package evaluation

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"

	"gonum.org/v1/plot/vg"
)

// figureOf draws a confusion figure and decodes it again.
func figureOf(t *testing.T, p *Predictions, title string) image.Image {
	t.Helper()
	var file bytes.Buffer
	if err := ConfusionFigure(&file, p, title); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// pixel is the colour at a point of the layout, whose y axis points up.
func pixel(img image.Image, at vg.Point) color.Color {
	return img.At(int(at.X.Dots(figureDPI)), img.Bounds().Dy()-1-int(at.Y.Dots(figureDPI)))
}

func near(a, b color.Color) bool {
	r0, g0, b0, _ := a.RGBA()
	r1, g1, b1, _ := b.RGBA()
	far := func(x, y uint32) bool { return math.Abs(float64(x)-float64(y)) > 3*0x101 }
	return !far(r0, r1) && !far(g0, g1) && !far(b0, b1)
}

func TestConfusionFigureCells(t *testing.T) {
	// Actual a: 3 of 4 predicted a, 1 predicted c. Actual b: all c. No c.
	p := &Predictions{Classes: []string{"a", "b", "c"}}
	for _, r := range [][2]int{{0, 0}, {0, 0}, {0, 0}, {0, 2}, {1, 2}, {1, 2}} {
		probabilities := make([]float64, 3)
		probabilities[r[1]] = 1
		p.Rows = append(p.Rows, Prediction{Label: r[0], Probabilities: probabilities})
	}
	img := figureOf(t, p, "title")
	f := newConfusionFigure(p, "title")
	want := [3][3]color.Color{
		{blues(0.75), blues(0), blues(0.25)},
		{blues(0), blues(0), blues(1)},
		{emptyFill, emptyFill, emptyFill},
	}
	top := f.origin.Y + 3*f.cell
	for i := range want {
		for j := range want[i] {
			// A tenth into the cell from its upper left, clear of its text.
			at := vg.Point{X: f.origin.X + f.cell*(vg.Length(j)+0.1), Y: top - f.cell*(vg.Length(i)+0.1)}
			if got := pixel(img, at); !near(got, want[i][j]) {
				t.Errorf("actual %d predicted %d: colour %v, want %v", i, j, got, want[i][j])
			}
		}
	}
}

func TestConfusionFigureCutsNothingOff(t *testing.T) {
	for _, c := range []struct {
		classes int
		name    string
	}{
		{2, "%d"}, {2, "%d.a name that is far too long for the axis of a small figure"}, {5, "%d.Moderate NPDR"},
		{39, "%d.Chorioretinal atrophy-coloboma"}, {40, "%d"}, {300, "%d.Silicon oil in eye"},
	} {
		p := &Predictions{}
		for k := range c.classes {
			p.Classes = append(p.Classes, fmt.Sprintf(c.name, k))
		}
		for k := range c.classes - 1 { // the last class stays empty
			probabilities := make([]float64, c.classes)
			probabilities[k*7%c.classes] = 1
			p.Rows = append(p.Rows, Prediction{Label: k, Probabilities: probabilities})
		}
		img := figureOf(t, p, "A title that is longer than the figure of two classes is wide, so it is shortened")
		b := img.Bounds()
		if b.Dx() > 5000 || b.Dy() > 5000 {
			t.Errorf("%d classes: the figure has %d x %d pixels", c.classes, b.Dx(), b.Dy())
		}
		edge := int((figureMargin / 2).Dots(figureDPI))
		inside := b.Inset(edge)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				if at := (image.Point{X: x, Y: y}); at.In(inside) {
					x = inside.Max.X - 1
					continue
				}
				if !near(img.At(x, y), color.White) {
					t.Fatalf("%d classes named %s: ink in the margin at %d,%d of %v", c.classes, c.name, x, y, b.Max)
				}
			}
		}
	}
}

func TestAbbreviate(t *testing.T) {
	sty := style(labelSize)
	for _, c := range []struct {
		text  string
		width vg.Length
	}{
		{"short", 100},
		{"Severe nonproliferative diabetic retinopathy, treated", 120},
		{"正常眼底正常眼底正常眼底", 60},
		{"", 10},
	} {
		got := abbreviate(c.text, sty, c.width)
		if sty.Width(got) > c.width {
			t.Errorf("%q is %q, %v wide, want at most %v", c.text, got, sty.Width(got), c.width)
		}
		if sty.Width(c.text) <= c.width && got != c.text {
			t.Errorf("%q fits, but is %q", c.text, got)
		}
	}
}

func BenchmarkConfusionFigure(b *testing.B) {
	p := randomPredictions(39, 2000)
	for b.Loop() {
		if err := ConfusionFigure(&bytes.Buffer{}, p, "title"); err != nil {
			b.Fatal(err)
		}
	}
}
