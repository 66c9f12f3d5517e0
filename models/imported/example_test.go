package imported_test

import (
	"context"
	"fmt"
	"log"

	"fovea/graphs/importer"
	"fovea/models/imported"
	"fovea/onnx/ort/install"
)

// Open a classifier that PyTorch exported, find its head and differentiate its scores with respect to the image.
func Example() {
	if _, err := install.Load(context.Background(), install.Source{}); err != nil {
		log.Fatal(err)
	}
	model, err := imported.Open(context.Background(), "testdata/vit_dynamo18.onnx", importer.Sizes{Batch: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	head, err := model.FindHead(2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("head:", head)
	saliency, err := model.Differentiate("images")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range saliency.Inputs {
		fmt.Println("input:", v)
	}
	for _, v := range saliency.Outputs {
		fmt.Println("output:", v)
	}
	// Output:
	// head: "node_linear_9" (12 features → 5 classes)
	// input: images float32[2,3,8,8]
	// input: logits.cotangent float32[2,5]
	// output: images.grad float32[2,3,8,8]
}
