package data

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"fovea/data/augment"
)

// fundusJPEG returns a 3-megapixel 4:2:0 JPEG with a disc and fine structure.
func fundusJPEG(b *testing.B) string {
	b.Helper()
	const w, h = 2048, 1536
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	rng := rand.New(rand.NewPCG(1, 1))
	for y := range h {
		for x := range w {
			c := color.NRGBA{A: 255}
			if dx, dy := x-w/2, y-h/2; dx*dx+dy*dy < 750*750 {
				noise := uint8(rng.IntN(16))
				c = color.NRGBA{R: uint8(140+x/32) + noise, G: uint8(60+y/32) + noise, B: 30 + noise, A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "fundus.jpg")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkSample decodes and transforms one image after another in one goroutine, as a loader's worker does. With -cpu
// 1 images/s is the rate of a core.
func BenchmarkSample(b *testing.B) {
	small := TrainTransform{
		Size: 28, Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}, HorizontalFlip: 0.5, VerticalFlip: 0.5,
		QuarterTurns: true, Shift: 0.1, Mean: ImageNetMean, Std: ImageNetStd,
	}
	png28 := trainSamples(b, "testdata/retinamnist")[0].Path
	oct := trainSamples(b, "testdata/kermany_oct_mini")[0].Path
	fundus := fundusJPEG(b)
	cache, err := OpenCache(b.TempDir(), 512)
	if err != nil {
		b.Fatal(err)
	}
	recipe := NewTrainTransform(224) // RETFound's
	recipe.Erase = augment.Eraser{Probability: 0.25, Mode: augment.ErasePixel, Count: 1}
	if recipe.Policy, err = augment.Parse("rand-m9-mstd0.5-inc1"); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		transform  Transform
		cache      *Cache
	}{
		{"png28/decode", png28, nil, nil},
		{"png28/train", png28, small, nil},
		{"png28/crop", png28, NewTrainTransform(28), nil},
		{"oct/decode", oct, nil, nil},
		{"oct/train", oct, NewTrainTransform(224), nil},
		{"oct/eval", oct, NewEvalTransform(224), nil},
		{"jpeg3MP/decode", fundus, nil, nil},
		{"jpeg3MP/train", fundus, NewTrainTransform(224), nil},
		{"jpeg3MP/eval", fundus, NewEvalTransform(224), nil},
		{"jpeg3MP/cached/train", fundus, NewTrainTransform(224), cache},
		{"jpeg3MP/cached/recipe", fundus, recipe, cache},
		{"jpeg3MP/cached/eval", fundus, NewEvalTransform(224), cache},
	} {
		b.Run(c.name, func(b *testing.B) {
			var dst []float32
			if c.transform != nil {
				dst = make([]float32, 3*c.transform.Side()*c.transform.Side())
			}
			rng := rand.New(rand.NewPCG(0, 0))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if c.transform == nil {
					_, err = Decode(c.path)
				} else {
					l := &Loader{config: LoaderConfig{Transform: c.transform, Cache: c.cache}}
					err = l.loadImage(dst, c.path, nil, rng)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// BenchmarkLoader is an epoch of 28-pixel PNGs with a worker a core, and one of tensors of a single value with 16
// workers: what it takes to hand an image over, which does not become less with more cores.
func BenchmarkLoader(b *testing.B) {
	b.Run("png28", func(b *testing.B) {
		benchmarkLoader(b, LoaderConfig{Samples: trainSamples(b, "testdata/retinamnist"), Batch: 64, Shuffle: true,
			Transform: NewTrainTransform(28)})
	})
	b.Run("handover", func(b *testing.B) {
		const n = 1 << 14
		benchmarkLoader(b, LoaderConfig{Samples: make([]Sample, n), Batch: 64, Shuffle: true, Workers: 16,
			Tensors: make([]float32, n)})
	})
}

func benchmarkLoader(b *testing.B, c LoaderConfig) {
	l := newLoader(b, c)
	for epoch := 0; b.Loop(); epoch++ {
		it := l.Epoch(b.Context(), epoch, 0)
		for {
			batch, err := it.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
		it.Close()
	}
	b.ReportMetric(float64(b.N*len(c.Samples))/b.Elapsed().Seconds(), "images/s")
}
