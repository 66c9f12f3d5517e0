package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"fovea/data"
	"fovea/internal/numbers"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training"
)

// batches are images and targets in memory.
type batches struct {
	count           int
	images, targets [][]float32
}

// noise draws batches of noise.
func noise(m model, count int) *batches {
	rng := rand.New(rand.NewPCG(1, 1))
	b := &batches{count: count}
	for range count {
		images := make([]float32, m.Batch*3*m.Size*m.Size)
		for i := range images {
			images[i] = float32(rng.NormFloat64())
		}
		targets := make([]float32, m.Batch*classes)
		for i := range m.Batch {
			targets[i*classes+rng.IntN(classes)] = 1
		}
		b.images, b.targets = append(b.images, images), append(b.targets, targets)
	}
	return b
}

// photographs loads batches of RetinaMNIST, with smoothed targets.
func (s *settings) photographs(ctx context.Context, m model, count int) (*batches, error) {
	split, err := data.OpenSplit(filepath.Join(s.Data, "retinamnist", "train"))
	if err != nil {
		return nil, err
	}
	loader, err := data.NewLoader(data.LoaderConfig{Samples: split.Samples, Batch: m.Batch, Seed: 1, Shuffle: true, DropLast: true,
		Transform: data.EvalTransform{Size: m.Size, CropPct: 1, Mean: data.ImageNetMean, Std: data.ImageNetStd}})
	if err != nil {
		return nil, err
	}
	b := &batches{count: min(count, loader.Batches())}
	it := loader.Epoch(ctx, 0, 0)
	defer it.Close()
	for range b.count {
		x, err := it.Next()
		if err != nil {
			return nil, err
		}
		targets, err := data.OneHot(x.Labels, classes, 0.1)
		if err != nil {
			return nil, err
		}
		b.images, b.targets = append(b.images, append([]float32(nil), x.Images...)), append(b.targets, targets)
		x.Release()
	}
	return b, nil
}

// write writes a file for peer.py.
func (b *batches) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, list := range [][][]float32{b.images, b.targets} {
		for _, values := range list {
			if _, err := f.Write(numbers.Bytes(values)); err != nil {
				return err
			}
		}
	}
	return f.Close()
}

func readBatches(path string, m model, count int) (*batches, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pixels, labels := m.Batch*3*m.Size*m.Size, m.Batch*classes
	if len(content) != 4*count*(pixels+labels) {
		return nil, fmt.Errorf("%s has %d bytes, not %d", path, len(content), 4*count*(pixels+labels))
	}
	b := &batches{count: count}
	take := func(n int) []float32 {
		values := make([]float32, n)
		content = content[copy(numbers.Bytes(values), content):]
		return values
	}
	for range count {
		b.images = append(b.images, take(pixels))
	}
	for range count {
		b.targets = append(b.targets, take(labels))
	}
	return b, nil
}

// files of a job: parameters to begin with, and batches.
func (s *section) files(ctx context.Context, m model, b *batches) (job, error) {
	j := job{Model: m, Classes: classes, Provider: s.Provider, Device: s.Provider, LayerDecay: 0.65, WeightDecay: 0.05, Count: b.count,
		Weights: filepath.Join(s.folder, "weights.safetensors"), Batches: filepath.Join(s.folder, fmt.Sprintf("batches-%d.f32", m.Batch))}
	c := m.config(s.settings, "cpu", "fp32")
	j.Threads = c.Runtime.Threads
	if _, err := os.Stat(j.Weights); err != nil {
		if err := saveWeights(ctx, c, j.Weights); err != nil {
			return j, err
		}
	}
	return j, b.write(j.Batches)
}

// writeParameters writes those of a learner to a file, under PyTorch's names.
func writeParameters(l *training.Bench, path string) error {
	var tensors []weights.Tensor
	err := l.Parameters(func(name string, values []float32) {
		tensors = append(tensors, weights.Tensor{Name: name, Type: pb.TensorProto_FLOAT, Shape: l.Shape(name),
			Data: append([]byte(nil), numbers.Bytes(values)...)})
	})
	if err != nil {
		return err
	}
	return weights.Write(path, tensors, map[string]string{"format": "pt"})
}
