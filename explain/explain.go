package explain

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"fovea/onnx/ort"
)

// An Explanation says what a class's score of an image depends on.
type Explanation struct {
	Class    int
	Scores   []float32 // [C], before softmax or sigmoid
	Maps     []Map     // in the order of Model.Methods
	Integral *Integral // of Integrated, nil without it
}

// Probabilities is the softmax of the scores.
func (e *Explanation) Probabilities() []float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, s := range e.Scores {
		largest = max(largest, float64(s))
	}
	out := make([]float64, len(e.Scores))
	for i, s := range e.Scores {
		out[i] = math.Exp(float64(s) - largest)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// Explain explains up to Batch images float32 [n,3,S,S], for the class of each,
// -1 for that of its highest score; no classes mean that for all.
func (m *Model) Explain(images []float32, classes []int) ([]Explanation, error) {
	size := 3 * m.Side * m.Side
	n := len(images) / size
	if n*size != len(images) || n < 1 || n > m.Batch {
		return nil, fmt.Errorf("%d values are not 1 to %d images [3,%d,%[3]d]", len(images), m.Batch, m.Side)
	}
	if classes != nil && len(classes) != n {
		return nil, fmt.Errorf("%d classes for %d images", len(classes), n)
	}
	for _, c := range classes {
		if c < -1 || c >= m.Classes {
			return nil, fmt.Errorf("class %d: the model has %d, counted from 0", c, m.Classes)
		}
	}
	out := make([]Explanation, n)
	for i := range out {
		out[i].Maps = make([]Map, len(m.Methods))
	}
	first := m.maps
	if first == nil {
		first = m.gradient
	}
	if err := m.explain(first, images, classes, out); err != nil {
		return nil, err
	}
	if m.gradient != nil {
		for i := range out {
			if err := m.integrate(images[i*size:(i+1)*size], &out[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (m *Model) explain(s *session, images []float32, classes []int, out []Explanation) error {
	clear(s.images.Float32()[copy(s.images.Float32(), images):])
	for i := range s.classes.Int64() {
		s.classes.Int64()[i] = -1
		if i < len(classes) {
			s.classes.Int64()[i] = int64(classes[i])
		}
	}
	return s.run(func(info ort.Info, data []byte) {
		each := len(data) / m.Batch
		for i := range out {
			row := data[i*each : (i+1)*each]
			switch info.Name {
			case classOutput:
				out[i].Class = int(binary.NativeEndian.Uint64(row))
			case scoreOutput:
				out[i].Scores = floats(row)
			}
			for k, method := range m.Methods {
				if name, ok := strings.CutPrefix(info.Name, mapOutput); ok && Method(name) == method {
					shape := make([]int, len(info.Shape)-1)
					for d := range shape {
						shape[d] = int(info.Shape[d+1])
					}
					out[i].Maps[k] = Map{Method: method, Shape: shape, Values: floats(row)}
				}
			}
		}
	})
}

// floats copies elements of the runtime's.
func floats(data []byte) []float32 {
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.NativeEndian.Uint32(data[4*i:]))
	}
	return out
}
