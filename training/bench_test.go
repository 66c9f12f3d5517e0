package training_test

import (
	"fmt"
	"testing"

	"fovea/training"
	"fovea/training/config"
)

// named is a config of a named size at 224 pixels, or the one that configs/retinamnist.toml trains.
func named(b *testing.B, name string, batch int) *config.Config {
	b.Helper()
	c := config.Defaults()
	if name == "retinamnist" {
		var err error
		c, err = config.Read("../configs/retinamnist.toml", nil, nil)
		if err != nil {
			b.Fatal(err)
		}
	} else {
		c.Name, c.Model.Arch = name, name
	}
	c.Data.Dir, c.Training.Batch, c.Runtime.Provider = "../data/testdata/retinamnist", batch, "cpu"
	return c
}

// BenchmarkStep is forward, backward and AdamW of one batch. Beside PyTorch: go run ./tools/bench step.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name  string
		batch int
	}{{"retinamnist", 64}, {"vit_tiny_patch16", 16}, {"vit_small_patch16", 8}} {
		b.Run(fmt.Sprintf("%s/batch%d", c.name, c.batch), func(b *testing.B) {
			const classes = 5
			cfg := named(b, c.name, c.batch)
			l, err := training.NewBench(b.Context(), cfg, classes, training.Experiment{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			images := make([]float32, 3*cfg.Data.Size*cfg.Data.Size*c.batch)
			for i := range images {
				images[i] = float32(i%255)/127.5 - 1
			}
			targets := make([]float32, c.batch*classes)
			for i := range c.batch {
				targets[i*classes+i%classes] = 1
			}
			step := int64(0)
			for b.Loop() {
				step++
				if err := l.Stage(images, targets, 0, int(step)); err != nil {
					b.Fatal(err)
				}
				if err := l.ForwardBackward(); err != nil {
					b.Fatal(err)
				}
				if err := l.Update(step, 1e-4); err != nil {
					b.Fatal(err)
				}
				if _, err := l.Settle(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*c.batch)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// BenchmarkArtifacts builds, differentiates and writes all artifacts. For ViT-L that is 1.2 GB of parameters: set
// -bench Artifacts/vit_large_patch16 to measure one alone.
func BenchmarkArtifacts(b *testing.B) {
	for _, name := range []string{"retinamnist", "vit_base_patch16", "vit_large_patch16", "vit_large_patch14_dinov2"} {
		b.Run(name, func(b *testing.B) {
			cfg, out := named(b, name, 16), b.TempDir()
			for b.Loop() {
				if err := training.WriteArtifacts(b.Context(), cfg, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
