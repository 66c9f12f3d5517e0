package data_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"fovea/data"
)

// Open a folder with train, val and test, and go through one epoch of training batches.
func Example() {
	set, err := data.Open("testdata/retinamnist")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(set.Train.Samples), "images of the classes", set.Train.Classes)

	transform := data.NewTrainTransform(28) // random crops of 28×28 pixels and flips
	transform.QuarterTurns = true
	loader, err := data.NewLoader(data.LoaderConfig{
		Samples: set.Train.Samples, Batch: 64, Seed: 1, Shuffle: true, DropLast: true, Transform: transform,
	})
	if err != nil {
		log.Fatal(err)
	}
	epoch := loader.Epoch(context.Background(), 0, 0)
	defer epoch.Close()
	images := 0
	for {
		batch, err := epoch.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		// batch.Images holds float32 [64,3,28,28], targets float32 [64,5].
		targets, err := data.OneHot(batch.Labels, len(set.Train.Classes), 0.1)
		if err != nil {
			log.Fatal(err)
		}
		if images == 0 {
			fmt.Println(len(batch.Images) == 64*3*28*28, len(targets) == 64*5)
		}
		images += batch.N
		batch.Release()
	}
	fmt.Println(images, "images in", loader.Batches(), "batches")
	// Output:
	// 1080 images of the classes [0_no_dr 1_mild_npdr 2_moderate_npdr 3_severe_npdr 4_pdr]
	// true true
	// 1024 images in 16 batches
}

// Prepare one image as validation and test do.
func ExampleEvalTransform() {
	img, err := data.Decode("testdata/retinamnist/test/0_no_dr/test_0002.png")
	if err != nil {
		log.Fatal(err)
	}
	transform := data.NewEvalTransform(28) // the shorter side becomes 32 pixels, of which the centre is cut out
	tensor := make([]float32, 3*28*28)     // [3,28,28]: planes of (v/255 - mean) / std
	if err := transform.Apply(tensor, img, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Rect.Size(), "becomes", len(tensor), "values")
	// Output:
	// (28,28) becomes 2352 values
}
