package explain

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"fovea/internal/numbers"
	"fovea/onnx/ort"
)

// An Integral tells how complete integrated gradients are: Sum should be Score - Baseline.
type Integral struct {
	Steps    int     // gradients along the line
	Score    float64 // of the class, for the image
	Baseline float64 // and for the mean image
	Sum      float64 // of the map
}

// Gap returns the error of the sum as a fraction of the difference of the scores. It says little where that difference
// is near 0.
func (i Integral) Gap() float64 {
	return math.Abs(i.Sum-(i.Score-i.Baseline)) / math.Abs(i.Score-i.Baseline)
}

// Complete is the gap up to which an integral counts as complete.
const Complete = 1e-3

// doublings limits how often the steps are doubled while an integral is incomplete. Near the mean image, where all
// patches are alike, a LayerNorm may change its result fast.
const doublings = 4

// integrate fills the map of Integrated.
func (m *Model) integrate(image []float32, e *Explanation) error {
	for steps := m.steps; ; steps *= 2 {
		if err := m.integrateIn(steps, image, e); err != nil {
			return err
		}
		if e.Integral.Gap() <= Complete || steps == m.steps<<doublings {
			return nil
		}
	}
}

// integrateIn fills the map with the integral of the gradient along the line from zeros, the mean image, to an image,
// by Gauss and Legendre's rule.
func (m *Model) integrateIn(steps int, image []float32, e *Explanation) error {
	// The ends of the line are run too, for their scores.
	at, weights := make([]float64, steps), make([]float64, steps)
	quad.Legendre{}.FixedLocations(at, weights, 0, 1)
	at, weights = append(at, 0, 1), append(weights, 0, 0)

	s, size := m.gradient, len(image)
	sum := make([]float64, size)
	scores := make([]float64, len(at))
	for i := range s.classes.Int64() {
		s.classes.Int64()[i] = int64(e.Class)
	}
	for from := 0; from < len(at); from += m.Batch {
		n := min(m.Batch, len(at)-from)
		for i := range n {
			row := s.images.Float32()[i*size : (i+1)*size]
			for k, x := range image {
				row[k] = float32(at[from+i] * float64(x))
			}
		}
		err := s.run(func(info ort.Info, data []byte) {
			values := numbers.View[float32](data)
			for i := range n {
				switch info.Name {
				case scoreOutput:
					scores[from+i] = float64(values[i*m.Classes+e.Class])
				case mapOutput + string(Integrated):
					if weights[from+i] == 0 { // an end, where the gradient may be infinite
						continue
					}
					for k, g := range values[i*size : (i+1)*size] {
						sum[k] += weights[from+i] * float64(g)
					}
				}
			}
		})
		if err != nil {
			return err
		}
	}
	out := Map{Method: Integrated, Shape: []int{3, m.Side, m.Side}, Values: make([]float32, size)}
	e.Integral = &Integral{Steps: steps, Baseline: scores[steps], Score: scores[steps+1]}
	for k, x := range image {
		v := sum[k] * float64(x)
		e.Integral.Sum += v
		out.Values[k] = float32(v)
	}
	e.Maps[slices.Index(m.Methods, Integrated)] = out
	return nil
}
