package main

import (
	"path/filepath"
	"runtime"

	"fovea/tools/worker"
	"fovea/training/config"
)

func large(batch int) worker.Model { return newModel("ViT-L/16", 224, 16, 1024, 24, 16, batch) }
func base(batch int) worker.Model  { return newModel("ViT-B/16", 224, 16, 768, 12, 12, batch) }
func tiny(batch int) worker.Model  { return newModel("ViT-Ti/16", 224, 16, 192, 12, 3, batch) }
func mini(batch int) worker.Model  { return newModel("ViT of 2 blocks", 28, 7, 32, 2, 2, batch) }

func newModel(name string, size, patch, width, depth, heads, batch int) worker.Model {
	return worker.Model{Name: name, Size: size, Patch: patch, Width: width, Depth: depth, Heads: heads, Batch: batch}
}

// job returns the job of a worker, ours or PyTorch's, to train with RETFound's recipe on noise.
func (s *settings) job(m worker.Model, precision string) worker.Job {
	return worker.Job{Model: m, Device: s.Provider, Precision: precision, Threads: runtime.GOMAXPROCS(0),
		DropPath: 0.2, LayerDecay: 0.65, Count: 2, AdamW: "fused"}
}

// config returns the config of the same job on the data of RetinaMNIST.
func (s *settings) config(m worker.Model, precision string) *config.Config {
	c := s.job(m, precision).Config()
	c.Name, c.Data.Dir = "verify", filepath.Join(s.Data, "retinamnist")
	return c
}

// Sizes say how much each section does.
type sizes struct {
	Gradients []worker.Model // the last one for the optimizer too
	Graphs    worker.Model   // of section 5
	Curve     worker.Model
	Steps     int          // of the curve
	Memory    worker.Model // of section 8: at its batch it fits no GPU
	Speed     worker.Model // of placement, throughput and profile
	Batches   []int        // of Speed
	Raced     []string     // precisions of Speed
	Compile   []int        // batches at which torch.compile is measured too
	Warm      int          // steps before the clock starts
	Block     int          // steps of a round
	EndToEnd  worker.Model
	Epochs    int // of EndToEnd
}

func fullSizes() sizes {
	four := large(4)
	four.Name, four.Depth = "ViT-L/16 of 4 blocks", 4
	wide := base(1024)
	wide.Size = 384
	return sizes{
		Gradients: []worker.Model{tiny(8), four}, Graphs: large(8), Curve: large(16), Steps: 200, Memory: wide,
		Speed: large(16), Batches: []int{16, 32, 64, 128}, Raced: []string{"fp32", "tf32", "bf16", "fp16"},
		Compile: []int{16, 64}, Warm: 5, Block: 20, EndToEnd: large(16), Epochs: 3,
	}
}

func quickSizes() sizes {
	s := fullSizes()
	s.Gradients[1].Batch, s.Graphs, s.Curve = 2, tiny(16), tiny(16)
	s.Batches, s.Raced, s.Compile = []int{16, 64}, []string{"bf16", "fp16"}, nil
	s.EndToEnd = base(16)
	return s
}

func smallSizes() sizes {
	return sizes{
		Gradients: []worker.Model{mini(4)}, Graphs: mini(4), Curve: mini(8), Steps: 40, Memory: mini(1024),
		Speed: mini(8), Batches: []int{8}, Raced: []string{"fp32", "bf16", "fp16"}, Warm: 2, Block: 3,
		EndToEnd: mini(16), Epochs: 2,
	}
}
