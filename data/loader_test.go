package data

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func trainSamples(t testing.TB, dir string) []Sample {
	t.Helper()
	split, err := OpenSplit(filepath.Join(dir, "train"))
	if err != nil {
		t.Fatal(err)
	}
	return split.Samples
}

// augmented uses every random step.
func augmented(size int) TrainTransform {
	t := NewTrainTransform(size)
	t.VerticalFlip, t.QuarterTurns, t.Shift = 0.5, true, 0.1
	return t
}

// collect copies what is left of an epoch.
func collect(t *testing.T, it *Iterator) (images []float32, labels, indices []int) {
	t.Helper()
	defer it.Close()
	for {
		b, err := it.Next()
		if errors.Is(err, io.EOF) {
			return images, labels, indices
		}
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, b.Images...)
		labels = append(labels, b.Labels...)
		indices = append(indices, b.Indices...)
		b.Release()
	}
}

func newLoader(t testing.TB, config LoaderConfig) *Loader {
	t.Helper()
	l, err := NewLoader(config)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWorkers: an epoch is the same for any number of workers, and from any first batch on.
func TestWorkers(t *testing.T) {
	samples := trainSamples(t, "testdata/retinamnist")[:203]
	config := LoaderConfig{Samples: samples, Batch: 16, Seed: 3, Shuffle: true, Transform: augmented(20)}
	var images []float32
	var indices []int
	for _, config.Workers = range []int{1, 2, 7} {
		l := newLoader(t, config)
		if l.Batches() != 13 {
			t.Fatalf("%d batches", l.Batches())
		}
		x, labels, order := collect(t, l.Epoch(t.Context(), 5, 0))
		if images == nil {
			images, indices = x, order
		}
		if !slices.Equal(x, images) || !slices.Equal(order, indices) {
			t.Errorf("%d workers change the epoch", config.Workers)
		}
		for i, index := range order {
			if labels[i] != samples[index].Class {
				t.Fatalf("sample %d has the label %d", index, labels[i])
			}
		}
		// The loader's bufferCount have been used by now.
		x, _, order = collect(t, l.Epoch(t.Context(), 5, 11))
		if !slices.Equal(x, images[11*16*3*20*20:]) || !slices.Equal(order, indices[11*16:]) {
			t.Errorf("%d workers: batch 11 and later differ after a resumption", config.Workers)
		}
	}
	sorted := slices.Sorted(slices.Values(indices))
	for i, index := range sorted {
		if i != index {
			t.Fatal("the epoch is no permutation of the samples")
		}
	}

	l := newLoader(t, config)
	_, _, other := collect(t, l.Epoch(t.Context(), 6, 0))
	config.Seed++
	_, _, reseeded := collect(t, newLoader(t, config).Epoch(t.Context(), 5, 0))
	if slices.Equal(other, indices) || slices.Equal(reseeded, indices) {
		t.Error("another epoch or seed has the same order")
	}
}

// TestEvalLoader: in order, with the rest, equal to the transform by itself.
func TestEvalLoader(t *testing.T) {
	samples := trainSamples(t, "testdata/kermany_oct_mini")[:7]
	tr := NewEvalTransform(32)
	l := newLoader(t, LoaderConfig{Samples: samples, Batch: 3, Transform: tr})
	images, _, indices := collect(t, l.Epoch(t.Context(), 0, 0))
	if !slices.Equal(indices, []int{0, 1, 2, 3, 4, 5, 6}) {
		t.Fatal(indices)
	}
	want := make([]float32, 3*32*32)
	for i, s := range samples {
		img, err := Decode(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Apply(want, img, nil); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(images[i*len(want):(i+1)*len(want)], want) {
			t.Errorf("image %d differs", i)
		}
	}
	l = newLoader(t, LoaderConfig{Samples: samples, Batch: 3, DropLast: true, Transform: tr})
	if _, _, indices = collect(t, l.Epoch(t.Context(), 0, 0)); len(indices) != 6 || l.Batches() != 2 {
		t.Errorf("%d samples, %d batches", len(indices), l.Batches())
	}
}

func TestLoaderRefuses(t *testing.T) {
	samples := trainSamples(t, "testdata/retinamnist")[:10]
	tr := NewTrainTransform(28)
	for name, c := range map[string]struct {
		config LoaderConfig
		want   string
	}{
		"no transform": {LoaderConfig{Samples: samples, Batch: 1}, "transform"},
		"no batch":     {LoaderConfig{Samples: samples, Transform: tr}, "batch size 0"},
		"no images":    {LoaderConfig{Batch: 1, Transform: tr}, "at least one image"},
		"large batch": {LoaderConfig{Samples: samples, Batch: 11, DropLast: true, Transform: tr},
			"batch size 11 is larger than the 10 images"},
		"transform": {LoaderConfig{Samples: samples, Batch: 1, Transform: TrainTransform{}}, "scale"},
	} {
		_, err := NewLoader(c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLoaderError: a file that breaks after the check is named, whichever worker meets it, and stays the iterator's
// error.
func TestLoaderError(t *testing.T) {
	samples := slices.Clone(trainSamples(t, "testdata/retinamnist")[:40])
	bad := filepath.Join(t.TempDir(), "gone.png")
	samples[21].Path = bad
	l := newLoader(t, LoaderConfig{Samples: samples, Batch: 10, Workers: 3, Transform: NewEvalTransform(28)})
	it := l.Epoch(t.Context(), 0, 0)
	defer it.Close()
	for range 2 {
		b, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	for range 2 {
		_, err := it.Next()
		if err == nil || !strings.Contains(err.Error(), bad) || !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%v", err)
		}
	}
}

func TestIteratorEnds(t *testing.T) {
	samples := trainSamples(t, "testdata/retinamnist")
	l := newLoader(t, LoaderConfig{Samples: samples, Batch: 8, Workers: 4, Transform: NewEvalTransform(28)})
	before := runtime.NumGoroutine()

	it := l.Epoch(t.Context(), 0, 0)
	var held []*Batch
	for range bufferCount {
		b, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, b)
	}
	if _, err := it.Next(); err == nil || !strings.Contains(err.Error(), "release") {
		t.Errorf("a fourth batch: %v", err)
	}
	held[0].Release()
	held[0].Release() // no second effect
	if _, err := it.Next(); err != nil {
		t.Error(err)
	}
	it.Close()
	it.Close()
	held[1].Release()
	if _, err := it.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("after Close: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	it = l.Epoch(ctx, 0, 0)
	cancel()
	if _, err := it.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
	it.Close()

	it = l.Epoch(t.Context(), 0, l.Batches())
	if _, err := it.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last batch: %v", err)
	}
	it.Close()
	for runtime.NumGoroutine() > before { // forever if one is left: the test's time limit reports it
		runtime.Gosched()
	}
}

// TestBuffersAreReused: epochs do not add memory.
func TestBuffersAreReused(t *testing.T) {
	samples := trainSamples(t, "testdata/retinamnist")[:64]
	l := newLoader(t, LoaderConfig{Samples: samples, Batch: 8, Transform: NewEvalTransform(28)})
	seen := map[*float32]bool{}
	for epoch := range 3 {
		it := l.Epoch(t.Context(), epoch, 0)
		for {
			b, err := it.Next()
			if err != nil {
				break
			}
			seen[&b.Images[0]] = true
			b.Release()
		}
		it.Close()
	}
	if len(seen) > bufferCount {
		t.Errorf("%d bufferCount, want %d", len(seen), bufferCount)
	}
}
