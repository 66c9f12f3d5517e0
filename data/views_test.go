package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestViews: the first view, or the fifth of crops, is EvalTransform's; a cache changes none; unknown ones are refused.
// Package inference compares them with torchvision's.
func TestViews(t *testing.T) {
	samples := trainSamples(t, "testdata/retinamnist")[:3]
	plain := NewEvalTransform(24)
	size := 3 * 24 * 24
	loader := newLoader(t, LoaderConfig{Samples: samples, Batch: 3, Transform: plain})
	one, _, _ := collect(t, loader.Epoch(t.Context(), 0, 0))
	for _, views := range AllViews {
		n := views.Count()
		centre := 0
		if views == FiveCrop || views == TenCrop {
			centre = 4
		}
		cache, err := OpenCache(t.TempDir(), 256)
		if err != nil {
			t.Fatal(err)
		}
		var before []float32
		for _, c := range []*Cache{nil, cache} {
			l := newLoader(t, LoaderConfig{Samples: samples, Batch: 3, Transform: ViewsTransform{plain, views}, Cache: c})
			images, _, _ := collect(t, l.Epoch(t.Context(), 0, 0))
			if len(images) != 3*n*size {
				t.Fatalf("%s: %d values", views, len(images))
			}
			for i := range samples {
				if got := images[(i*n+centre)*size:][:size]; !slices.Equal(got, one[i*size:][:size]) {
					t.Errorf("%s: view %d of image %d is not the centre crop", views, centre, i)
				}
			}
			if before != nil && !slices.Equal(images, before) {
				t.Errorf("%s: a cache changes the views", views)
			}
			before = images
		}
	}
	if err := (ViewsTransform{plain, "3crop"}).Check(); err == nil {
		t.Error("3crop is accepted")
	}
}

// TestTolerantLoader: an image that cannot be read has an error and a tensor of zeros, whatever lay there before; the
// others are as they are without it.
func TestTolerantLoader(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.png")
	if err := os.WriteFile(bad, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	samples := trainSamples(t, "testdata/retinamnist")[:12]
	plain := newLoader(t, LoaderConfig{Samples: samples, Batch: 2, Transform: NewEvalTransform(24)})
	want, _, _ := collect(t, plain.Epoch(t.Context(), 0, 0))
	size := 3 * 24 * 24
	samples = slices.Clone(samples)
	samples[9].Path = bad
	clear(want[9*size : 10*size])
	l := newLoader(t, LoaderConfig{Samples: samples, Batch: 2, Transform: NewEvalTransform(24), Tolerant: true})
	got, _, _ := collect(t, l.Epoch(t.Context(), 0, 0))
	if !slices.Equal(got, want) {
		t.Error("the tensors are others")
	}
	it := l.Epoch(t.Context(), 0, 4)
	defer it.Close()
	b, err := it.Next()
	if err != nil || b.Errors[0] != nil || b.Errors[1] == nil || !strings.Contains(b.Errors[1].Error(), "bad.png") {
		t.Errorf("errors are %v, %v", b.Errors, err)
	}
}
