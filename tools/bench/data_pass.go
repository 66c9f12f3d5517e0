package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"fovea/data"
	"fovea/data/augment"
)

// newLoaders returns a loader for each request, cached or not.
func newLoaders(ctx context.Context, j imageJob) (map[imageRequest]*data.Loader, error) {
	cache, err := data.OpenCache(filepath.Join(j.Dir, "..", "cache"), max(2*j.Size, 512))
	if err != nil {
		return nil, err
	}
	t := data.NewTrainTransform(j.Size)
	if t.Policy, err = augment.Parse("rand-m9-mstd0.5-inc1"); err != nil {
		return nil, err
	}
	t.Erase = augment.Eraser{Probability: 0.25, Mode: augment.ErasePixel, Count: 1}
	loaders := map[imageRequest]*data.Loader{}
	for _, kind := range imageKinds {
		paths, err := filepath.Glob(filepath.Join(j.Dir, kind, "*"))
		if err != nil {
			return nil, err
		}
		var samples []data.Sample
		for _, p := range paths {
			samples = append(samples, data.Sample{Path: p})
		}
		if _, _, err := data.Verify(ctx, samples, 1, cache, t, nil); err != nil {
			return nil, err
		}
		for cached, c := range map[bool]*data.Cache{false: nil, true: cache} {
			l, err := data.NewLoader(data.LoaderConfig{Samples: samples, Batch: 4, Workers: 1, Seed: 1, Transform: t, Cache: c})
			if err != nil {
				return nil, err
			}
			loaders[imageRequest{kind, cached}] = l
		}
	}
	return loaders, nil
}

// makePass loads every image once. The processor time is that of this process.
func makePass(ctx context.Context, l *data.Loader, epoch int) (p pass, err error) {
	before, err := processorTime()
	if err != nil {
		return p, err
	}
	it := l.Epoch(ctx, epoch, 0)
	defer it.Close()
	for {
		b, err := it.Next()
		if errors.Is(err, io.EOF) {
			after, err := processorTime()
			p.CPU = after - before
			return p, err
		}
		if err != nil {
			return p, err
		}
		p.Images += b.N
		b.Release()
	}
}
