package training

import "fovea/data"

// Describe tells what a model.onnx of a run says of itself: its classes, in the
// order of its outputs, and what it wants done to an image.
func Describe(path string) (classes []string, transform data.EvalTransform, err error) {
	d, err := readDescription(path)
	if err != nil {
		return nil, data.EvalTransform{}, err
	}
	return d.classes, d.transform, nil
}
