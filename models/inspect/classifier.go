package inspect

import (
	"context"
	"fmt"

	"fovea/graphs/transfer"
	"fovea/models/imported"
	"fovea/onnx"
)

// A Classifier says how a run that names the model as model.onnx would train it.
type Classifier struct {
	Images string           `json:"images"` // name of the input
	Size   int64            `json:"size"`   // of images in pixels
	Head   string           `json:"head"`   // node that a new layer replaces, or the value that it reads
	Width  int64            `json:"width"`  // features that the head reads
	Scores int64            `json:"scores"` // of the head in the file
	Fixed  map[string]Tally `json:"fixed"`  // parameters that are not trained, by reason
}

// findClassifier opens a model with the given inputs as such a run does.
func findClassifier(ctx context.Context, path string, inputs []Value) (*Classifier, error) {
	if len(inputs) != 1 || len(inputs[0].Shape) != 4 {
		return nil, fmt.Errorf("a classifier of images has one input of rank 4")
	}
	// The channels are first or last and the image is square, so dimension 2 is its size either way.
	c := &Classifier{Size: inputs[0].Shape[2].(int64), Fixed: map[string]Tally{}}
	found, err := imported.OpenClassifier(ctx, path, imported.Options{Size: c.Size, Batch: 2, Classes: 2,
		Layering: transfer.Layering{Parts: 1}})
	if err != nil {
		return nil, err
	}
	defer found.Close()
	c.Images, c.Head, c.Width, c.Scores = found.Images, found.Head.Node, found.Head.Width, found.Head.Classes
	for _, p := range found.Parameters {
		if p.Fixed != "" {
			t := c.Fixed[p.Fixed]
			n, _ := onnx.NumElements(p.Shape) // of tensors that were read
			t.add(n, 4*n)
			c.Fixed[p.Fixed] = t
		}
	}
	return c, nil
}
