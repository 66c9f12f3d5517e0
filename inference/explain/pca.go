package explain

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"

	"fovea/evaluation/figures"
)

// mostSampled is the number of images that principal components are computed of.
const mostSampled = 2000

// A sample keeps the features of images spread evenly over all.
type sample struct {
	total, seen int
	width       int
	values      []float64 // row by row
	labels      []string
}

func newSample(total, width int) *sample { return &sample{total: total, width: width} }

func (s *sample) add(features []float32, label string) {
	kept := min(s.total, mostSampled)
	s.seen++
	if (s.seen-1)*kept/s.total == s.seen*kept/s.total {
		return
	}
	for _, v := range features {
		s.values = append(s.values, float64(v))
	}
	s.labels = append(s.labels, label)
}

// components projects rows onto their first two principal components. shares are the parts of the variance that these
// explain.
func (s *sample) components() (points plotter.XYs, shares [2]float64, err error) {
	if s.width < 2 {
		return nil, shares, fmt.Errorf("%d feature has no two principal components", s.width)
	}
	rows := mat.NewDense(len(s.labels), s.width, s.values)
	var pc stat.PC
	if !pc.PrincipalComponents(rows, nil) {
		return nil, shares, errors.New("the principal components of the features cannot be computed")
	}
	var vectors, projected mat.Dense
	pc.VectorsTo(&vectors)
	projected.Mul(rows, vectors.Slice(0, s.width, 0, 2))
	variances := pc.VarsTo(nil)
	sum := floats.Sum(variances)
	if sum == 0 {
		return nil, shares, errors.New("all images have the same features: there are no principal components")
	}
	x, y := mat.Col(nil, 0, &projected), mat.Col(nil, 1, &projected)
	floats.AddConst(-stat.Mean(x, nil), x)
	floats.AddConst(-stat.Mean(y, nil), y)
	for i := range s.labels {
		points = append(points, plotter.XY{X: x[i], Y: y[i]})
	}
	return points, [2]float64{variances[0] / sum, variances[1] / sum}, nil
}

// picture draws the images as points, a colour and form for each class.
func (s *sample) picture(w io.Writer, classes []string) error {
	points, shares, err := s.components()
	if err != nil {
		return err
	}
	label := figures.TextStyle(10)
	label.YAlign = text.YBottom
	p := plot.New()
	p.X.Label.Text = fmt.Sprintf("first principal component (%.0f %% of the variance)", 100*shares[0])
	p.Y.Label.Text = fmt.Sprintf("second principal component (%.0f %%)", 100*shares[1])
	p.X.Label.TextStyle, p.Y.Label.TextStyle, p.Legend.TextStyle = label, label, label
	p.X.Label.TextStyle.XAlign, p.Y.Label.TextStyle.XAlign = -0.5, -0.5
	p.Y.Label.TextStyle.Rotation = plot.New().Y.Label.TextStyle.Rotation
	p.Legend.Top = true
	forms := []vgdraw.GlyphDrawer{vgdraw.CircleGlyph{}, vgdraw.TriangleGlyph{}, vgdraw.SquareGlyph{}, vgdraw.PlusGlyph{},
		vgdraw.CrossGlyph{}}
	for i, class := range append(slices.Clone(classes), "") {
		var own plotter.XYs
		for k, l := range s.labels {
			if l == class {
				own = append(own, points[k])
			}
		}
		if own == nil {
			continue
		}
		scatter := &plotter.Scatter{XYs: own,
			GlyphStyle: vgdraw.GlyphStyle{Color: figures.Colour(i), Radius: 3, Shape: forms[i%len(forms)]}}
		p.Add(scatter)
		class = cmp.Or(class, "no label")
		p.Legend.Add(class, scatter)
	}
	out, err := p.WriterTo(14*vg.Centimeter, 11*vg.Centimeter, "png")
	if err != nil {
		return fmt.Errorf("drawing principal components: %w", err)
	}
	_, err = out.WriteTo(w)
	return err
}
