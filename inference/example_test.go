package inference_test

import (
	"context"
	"fmt"
	"log"

	"fovea/data"
	"fovea/inference"
	"fovea/onnx/engine"
)

// Classify an image with an ONNX classifier that no run of Fovea wrote. The description adds to the file its classes and
// the preparation of images.
func Example() {
	const model = "../models/imported/testdata/cnn_torchscript17.onnx"
	d, err := inference.Describe(model, inference.Description{
		Classes: []string{"0_no_dr", "1_mild_npdr", "2_moderate_npdr", "3_severe_npdr", "4_pdr"},
		Crop:    1, Mean: []float32{0.5, 0.5, 0.5}, Std: []float32{0.5, 0.5, 0.5},
	})
	if err != nil {
		log.Fatal(err)
	}
	// The engine loads ONNX Runtime and chooses the device.
	e, err := engine.New(context.Background(), engine.Settings{Provider: "cpu"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	c, err := inference.Open(model, d, 1, e.Options())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	img, err := data.Decode("../data/testdata/retinamnist/test/4_pdr/test_0018.png")
	if err != nil {
		log.Fatal(err)
	}
	t := d.Transform()
	tensor := make([]float32, 3*t.Size*t.Size)
	if err := t.Apply(tensor, img, nil); err != nil {
		log.Fatal(err)
	}
	probabilities, err := c.Classify(tensor, 1)
	if err != nil {
		log.Fatal(err)
	}
	for i, p := range probabilities[0] {
		fmt.Printf("%-16s %.2f\n", d.Classes[i], p)
	}
	// Output:
	// 0_no_dr          0.05
	// 1_mild_npdr      0.24
	// 2_moderate_npdr  0.12
	// 3_severe_npdr    0.03
	// 4_pdr            0.56
}
