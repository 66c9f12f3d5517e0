package figures

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"

	"gonum.org/v1/plot/vg"

	"fovea/evaluation"
)

// picture writes a figure as PNG and decodes it again.
func picture(t *testing.T, f *Figure) image.Image {
	t.Helper()
	var file bytes.Buffer
	if err := f.WritePNG(&file); err != nil {
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

// cutsNothingOff fails if there is ink in the outer half of the margin.
func cutsNothingOff(t *testing.T, name string, f *Figure) {
	t.Helper()
	img := picture(t, f)
	b := img.Bounds()
	inside := b.Inset(int((margin / 3).Dots(figureDPI)))
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if at := (image.Point{X: x, Y: y}); at.In(inside) {
				x = inside.Max.X - 1
				continue
			}
			if !near(img.At(x, y), color.White) {
				t.Errorf("%s: ink in the margin at %d,%d of %v", name, x, y, b.Max)
				return
			}
		}
	}
}

// certain are predictions of one class with certainty: label and prediction.
func certain(classes []string, rows ...[2]int) *evaluation.Predictions {
	p := &evaluation.Predictions{Classes: classes}
	for _, r := range rows {
		probabilities := make([]float64, len(classes))
		probabilities[r[1]] = 1
		p.Rows = append(p.Rows, evaluation.Prediction{Label: r[0], Probabilities: probabilities})
	}
	return p
}

func TestConfusionCells(t *testing.T) {
	// Actual a: 3 of 4 predicted a, 1 predicted c. Actual b: all c. No c.
	p := certain([]string{"a", "b", "c"}, [][2]int{{0, 0}, {0, 0}, {0, 0}, {0, 2}, {1, 2}, {1, 2}}...)
	for shares, want := range map[bool][3][3]color.Color{
		true: {
			{blues(0.75), blues(0), blues(0.25)},
			{blues(0), blues(0), blues(1)},
			{emptyFill, emptyFill, emptyFill},
		},
		false: {
			{blues(1), blues(0), blues(1. / 3)},
			{blues(0), blues(0), blues(2. / 3)},
			{emptyFill, emptyFill, emptyFill},
		},
	} {
		m := newMatrix(p, "title", shares)
		img := picture(t, &m.Figure)
		top := m.origin.Y + 3*m.cell
		for i := range want {
			for j := range want[i] {
				// A tenth into the cell from its upper left, clear of its text.
				at := vg.Point{X: m.origin.X + m.cell*(vg.Length(j)+0.1), Y: top - m.cell*(vg.Length(i)+0.1)}
				if got := pixel(img, at); !near(got, want[i][j]) {
					t.Errorf("shares %v: actual %d predicted %d: colour %v, want %v", shares, i, j, got, want[i][j])
				}
			}
		}
	}
}

func TestConfusionCutsNothingOff(t *testing.T) {
	if testing.Short() {
		t.Skip("draws many figures")
	}
	for _, c := range []struct {
		classes int
		name    string
	}{
		{2, "%d"}, {2, "%d.a name that is far too long for the axis of a small figure"}, {5, "%d.Moderate NPDR"},
		{39, "%d.Chorioretinal atrophy-coloboma"}, {40, "%d"}, {60, "%d.Silicon oil in eye"},
	} {
		var classes []string
		var rows [][2]int
		for k := range c.classes {
			classes = append(classes, fmt.Sprintf(c.name, k))
			if k > 0 { // the first class stays empty
				rows = append(rows, [2]int{k, k * 7 % c.classes})
			}
		}
		f, err := Confusion(certain(classes, rows...), "A title that is longer than the figure of two classes is wide, so that it is shortened")
		if err != nil {
			t.Fatal(err)
		}
		cutsNothingOff(t, fmt.Sprintf("%d classes named %s", c.classes, c.name), f)
	}
}

// TestLabelsHaveRoom holds 39 classes to 7 points a label, none on another.
func TestLabelsHaveRoom(t *testing.T) {
	var classes []string
	for k := range 39 {
		classes = append(classes, fmt.Sprintf("%d.Chorioretinal atrophy-coloboma", k))
	}
	m := newMatrix(certain(classes, [2]int{0, 0}), "", true)
	if m.every != 1 || m.cell < textSize*1.2 || m.width > pageWidth {
		t.Errorf("a label every %d cells of %v, %v wide", m.every, m.cell, m.width)
	}
}

func TestAbbreviate(t *testing.T) {
	sty := TextStyle(textSize)
	for _, c := range []struct {
		text  string
		width vg.Length
	}{
		{"short", 100},
		{"Severe nonproliferative diabetic retinopathy, treated", 120},
		{"正常眼底正常眼底正常眼底", 60},
		{"", 10},
	} {
		got := Abbreviate(c.text, sty, c.width)
		if sty.Width(got) > c.width {
			t.Errorf("%q is %q, %v wide, want at most %v", c.text, got, sty.Width(got), c.width)
		}
		if sty.Width(c.text) <= c.width && got != c.text {
			t.Errorf("%q fits but became %q", c.text, got)
		}
	}
	if got := Abbreviate("a\x00b\nc\xff", sty, 1000); got != `a\x00b\nc\xff` {
		t.Errorf("%q", got)
	}
}
