package data_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"fovea/data"
)

func Example() {
	set, err := data.Open("testdata/retinamnist")
	if err != nil {
		log.Fatal(err)
	}
	transform := data.NewTrainTransform(28)
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
		targets, err := data.OneHot(batch.Labels, len(set.Train.Classes), 0.1)
		if err != nil {
			log.Fatal(err)
		}
		if images == 0 {
			fmt.Println(len(batch.Images), "values,", len(targets), "targets")
		}
		images += batch.N
		batch.Release()
	}
	fmt.Println(images, "of", len(set.Train.Samples), "images")
	// Output:
	// 150528 values, 320 targets
	// 1024 of 1080 images
}
