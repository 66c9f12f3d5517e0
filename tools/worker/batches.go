package worker

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"fovea/internal/durable"
	"fovea/internal/numbers"
)

// Batches are images [B,3,S,S] and targets [B,C] in memory.
type Batches struct {
	Images, Targets [][]float32
}

// Noise returns batches of noise, the same for each call.
func Noise(m Model, count int) *Batches {
	rng := rand.New(rand.NewPCG(1, 1))
	b := &Batches{}
	for range count {
		images := make([]float32, m.Batch*3*m.Size*m.Size)
		for i := range images {
			images[i] = float32(rng.NormFloat64())
		}
		targets := make([]float32, m.Batch*Classes)
		for i := range m.Batch {
			targets[i*Classes+rng.IntN(Classes)] = 1
		}
		b.Images, b.Targets = append(b.Images, images), append(b.Targets, targets)
	}
	return b
}

// Write writes the images of all batches to a file, and then their targets, as float32.
func (b *Batches) Write(path string) error {
	return durable.Write(path, func(w io.Writer) error {
		for _, list := range [][][]float32{b.Images, b.Targets} {
			for _, values := range list {
				if _, err := w.Write(numbers.Bytes(values)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// readBatches reads a file of [Batches.Write].
func readBatches(path string, m Model, count int) (*Batches, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pixels, labels := m.Batch*3*m.Size*m.Size, m.Batch*Classes
	if len(data) != 4*count*(pixels+labels) {
		return nil, fmt.Errorf("%s has %d bytes, not %d", path, len(data), 4*count*(pixels+labels))
	}
	take := func(n int) (list [][]float32) {
		for range count {
			values := make([]float32, n)
			data = data[copy(numbers.Bytes(values), data):]
			list = append(list, values)
		}
		return list
	}
	return &Batches{take(pixels), take(labels)}, nil
}
