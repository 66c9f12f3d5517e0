// Package teacher scores the images of a training batch with a finished model, for a student that learns from it
// (distillation, Hinton and others, 2015).
package teacher

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fovea/inference"
	"fovea/onnx/engine"
)

// Settings say what a student's batches are.
type Settings struct {
	Batch, Size int
	Classes     []string // in the student's order
	Mean, Std   [3]float32
}

// A Teacher is a finished model that scores batches as a student sees them. It is for one goroutine at a time.
type Teacher struct {
	classifier   *inference.Classifier
	settings     Settings
	column       []int      // of the teacher's output, for each class
	scale, shift [3]float32 // from the student's normalisation to the teacher's
	images       []float32
}

// Open opens a model.onnx, or a weight file with its head, on an engine. It is an error if the classes are others or the
// images of another size.
func Open(ctx context.Context, path string, e *engine.Engine, s Settings) (*Teacher, error) {
	d, err := inference.Describe(path, inference.Description{})
	if err != nil {
		return nil, err
	}
	t := &Teacher{settings: s}
	for _, class := range s.Classes {
		i := slices.Index(d.Classes, class)
		if i < 0 || len(d.Classes) != len(s.Classes) {
			return nil, fmt.Errorf("%s tells %v apart, the data has %v: the classes must be the same", path,
				shortened(d.Classes), shortened(s.Classes))
		}
		t.column = append(t.column, i)
	}
	if d.Size != s.Size {
		return nil, fmt.Errorf("%s takes images of %d×%[2]d pixels, the student of %d×%[3]d: set data.size = %[2]d",
			path, d.Size, s.Size)
	}
	for i := range 3 {
		t.scale[i] = s.Std[i] / d.Std[i]
		t.shift[i] = (s.Mean[i] - d.Mean[i]) / d.Std[i]
	}
	o := e.Options()
	o.Context = ctx
	if t.classifier, err = inference.Open(path, d, s.Batch, o); err != nil {
		return nil, err
	}
	t.images = make([]float32, s.Batch*3*s.Size*s.Size)
	return t, nil
}

// shortened returns at most eight names.
func shortened(names []string) []string {
	const most = 8
	if len(names) > most {
		return append(slices.Clone(names[:most]), "…")
	}
	return names
}

// smallest is the least probability that a logarithm is taken of. It is a normal float32.
const smallest = 1e-37

// Scores returns the teacher's log-probabilities [B,C] of a batch of images [B,3,S,S], which are its logits but for a
// constant in each row.
func (t *Teacher) Scores(images []float32) ([]float32, error) {
	plane := t.settings.Size * t.settings.Size
	for i, x := range images {
		c := i / plane % 3
		t.images[i] = x*t.scale[c] + t.shift[c]
	}
	rows, err := t.classifier.Classify(t.images, t.settings.Batch)
	if err != nil {
		return nil, fmt.Errorf("model.teacher: %w", err)
	}
	out := make([]float32, 0, len(rows)*len(t.column))
	for _, row := range rows {
		for _, c := range t.column {
			out = append(out, float32(math.Log(max(row[c], smallest))))
		}
	}
	return out, nil
}

// Close frees the model.
func (t *Teacher) Close() error {
	if t == nil {
		return nil
	}
	return t.classifier.Close()
}
