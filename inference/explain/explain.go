package explain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fovea/internal/numbers"
	"fovea/onnx/ort"
)

// An Explanation holds the maps of an image for one class, with the scores.
type Explanation struct {
	Class    int
	Scores   []float32 // [C], before softmax or sigmoid
	Output   []float32 // [C], the output of the model itself
	Maps     []Map     // in the order of Model.Methods
	Integral *Integral // of Integrated, nil without it
}

// check returns an error if a score or a value of a map is not finite: no picture can be drawn of it, and no class is
// the best.
func (e *Explanation) check() error {
	if !finite(e.Scores) {
		return fmt.Errorf("the model's scores of the image are %w: %v", ErrNotFinite, e.Scores)
	}
	for _, m := range e.Maps {
		if !finite(m.Values) {
			return fmt.Errorf("the values of its map, method %s, are %w", m.Method, ErrNotFinite)
		}
	}
	return nil
}

func finite(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool {
		return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)
	})
}

// ErrNotFinite is what errors about scores and maps with NaN or infinity wrap.
var ErrNotFinite = errors.New("not finite")

// Explain explains up to Batch images float32 [n,3,S,S], for the class of each,
// -1 for that of its highest score; no classes mean that for all. What is not
// finite is an [ImageError].
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
	for i := range out {
		err := out[i].check()
		if err == nil && m.gradient != nil {
			if err = m.integrate(images[i*size:(i+1)*size], &out[i]); err == nil {
				err = out[i].check()
			}
		}
		if err != nil {
			return nil, &ImageError{i, err}
		}
	}
	return out, nil
}

// An ImageError is about one of several images.
type ImageError struct {
	Index int
	Err   error
}

func (e *ImageError) Error() string { return e.Err.Error() }
func (e *ImageError) Unwrap() error { return e.Err }

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
				out[i].Scores = numbers.Decode[float32](row)
			case modelOutput:
				out[i].Output = numbers.Decode[float32](row)
			}
			for k, method := range m.Methods {
				if name, ok := strings.CutPrefix(info.Name, mapOutput); ok && Method(name) == method {
					shape := make([]int, len(info.Shape)-1)
					for d := range shape {
						shape[d] = int(info.Shape[d+1])
					}
					out[i].Maps[k] = Map{Method: method, Shape: shape, Values: numbers.Decode[float32](row)}
				}
			}
		}
	})
}
