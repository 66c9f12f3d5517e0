package learner

import (
	"errors"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/tools/cudastub"
)

// TestFeedOnCUDA: each step finds its own batch in the inputs, though nothing waits for a step before the batches after
// it are on their way. With FOVEA_CUDA_STUB_ASYNC the stand-ins' streams are late, each as it likes.
func TestFeedOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		l := tinyViT(t, "cuda", nil)
		const steps = 60
		size := l.feed.inputs.Size()
		seen, err := l.device.AllocateHost(steps * size)
		if err != nil {
			t.Fatal(err)
		}
		defer seen.Free()
		images, targets := make([]float32, 4*3*28*28), make([]float32, 4*5)
		stage := func(n int) error {
			for i := range images {
				images[i] = float32(n + 1)
			}
			for i := range targets {
				targets[i] = -float32(n + 1)
			}
			return l.stage(images, targets, nil, func([]float32) {})
		}
		for n := range steps {
			part := seen.Bytes()[n*size : (n+1)*size]
			err := errors.Join(stage(n), l.feed.deliver(), l.device.Compute.Download(part, l.feed.inputs.Device(), 0))
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := l.device.Wait(); err != nil {
			t.Fatal(err)
		}
		for n := range steps {
			found := seen.Float32()[n*size/4 : (n+1)*size/4]
			for name, want := range map[string]float32{l.settings.Images: float32(n + 1),
				artifacts.Targets: -float32(n + 1)} {
				x := l.feed.fields[name]
				for _, v := range found[x.start:x.end] {
					if v != want {
						t.Fatalf("step %d found %v in %s, not %v", n, v, name, want)
					}
				}
			}
		}
		for range 20 { // one that is closed with a batch on its way
			f, err := newFeed(l.device, l.session, l.settings.Images, artifacts.Targets, artifacts.DropPath)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(f.begin(), f.send(), f.close()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
