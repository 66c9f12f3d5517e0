package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"fovea/data"
	"fovea/tools/worker"
)

// dataset makes a dataset of the first images of each class of a shipped one, each of them repeat times.
func (s *section) dataset(name, source string, repeat int, counts map[string]int) (string, error) {
	dir := filepath.Join(s.folder, name)
	for split, count := range counts {
		classes, err := filepath.Glob(filepath.Join(s.Data, source, split, "*"))
		if err != nil || len(classes) == 0 {
			return "", fmt.Errorf("no classes in %s: %v", filepath.Join(s.Data, source, split), err)
		}
		for _, from := range classes {
			if err := copyImages(from, filepath.Join(dir, split, filepath.Base(from)), repeat, count); err != nil {
				return "", err
			}
		}
	}
	return dir, nil
}

func copyImages(from, to string, repeat, count int) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, f := range files[:min(count, len(files))] {
		content, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		for i := range repeat {
			if err := os.WriteFile(filepath.Join(to, fmt.Sprintf("%d_%s", i, f.Name())), content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// photographs loads batches of RetinaMNIST, with smoothed targets.
func (s *settings) photographs(ctx context.Context, m worker.Model, count int) (*worker.Batches, error) {
	split, err := data.OpenSplit(filepath.Join(s.Data, "retinamnist", "train"))
	if err != nil {
		return nil, err
	}
	loader, err := data.NewLoader(data.LoaderConfig{
		Samples: split.Samples, Batch: m.Batch, Seed: 1, Shuffle: true, DropLast: true,
		Transform: data.EvalTransform{Size: m.Size, CropPct: 1, Mean: data.ImageNetMean, Std: data.ImageNetStd},
	})
	if err != nil {
		return nil, err
	}
	b := &worker.Batches{}
	it := loader.Epoch(ctx, 0, 0)
	defer it.Close()
	for range min(count, loader.Batches()) {
		x, err := it.Next()
		if err != nil {
			return nil, err
		}
		targets, err := data.OneHot(x.Labels, worker.Classes, 0.1)
		if err != nil {
			return nil, err
		}
		b.Images, b.Targets = append(b.Images, append([]float32(nil), x.Images...)), append(b.Targets, targets)
		x.Release()
	}
	return b, nil
}
