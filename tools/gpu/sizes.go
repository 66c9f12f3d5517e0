package main

import (
	"fmt"
	"path/filepath"
	"runtime"

	"fovea/training/config"
)

// model is a ViT and the images of a step.
type model struct {
	Name  string `json:"name"`
	Size  int    `json:"size"` // of the images, pixels
	Patch int    `json:"patch"`
	Width int    `json:"width"`
	Depth int    `json:"depth"`
	Heads int    `json:"heads"`
	Batch int    `json:"batch"`
}

func (m model) String() string { return fmt.Sprintf("%s, %d px, batch %d", m.Name, m.Size, m.Batch) }

func (m model) at(batch int) model {
	m.Batch = batch
	return m
}

func large(batch int) model { return model{"ViT-L/16", 224, 16, 1024, 24, 16, batch} }
func base(batch int) model  { return model{"ViT-B/16", 224, 16, 768, 12, 12, batch} }
func tiny(batch int) model  { return model{"ViT-Ti/16", 224, 16, 192, 12, 3, batch} }
func mini(batch int) model  { return model{"ViT of 2 blocks", 28, 7, 32, 2, 2, batch} }

// config of training on a provider, without drop-path.
func (m model) config(s *settings, provider, precision string) *config.Config {
	c := config.Defaults()
	c.Name, c.Data.Dir = "verify", filepath.Join(s.Data, "retinamnist")
	c.Data.Size, c.Data.CropPct = m.Size, 1
	c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads, c.Model.DropPath = m.Patch, m.Width, m.Depth, m.Heads, 0
	c.Training.Batch, c.Training.Precision = m.Batch, precision
	c.Runtime.Provider, c.Runtime.Threads = provider, runtime.GOMAXPROCS(0)
	return c
}

// sizes are how much each section does.
type sizes struct {
	Gradients []model
	Optimizer model
	Placement model
	Graphs    model // of section 5
	Replays   int   // steps of it
	Curve     model
	Steps     int // of the curve
	Resume    model
	Memory    model // of section 8: at its batch it fits no GPU
	Speed     model
	Batches   []int
	Raced     []string // precisions
	Compile   []int    // batches at which torch.compile is measured too
	Warm      int      // steps before the clock starts
	Rounds    int
	Block     int // steps of a round
	EndToEnd  model
	Epochs    int // of it
	Profile   model
}

func fullSizes() sizes {
	four := large(4)
	four.Name, four.Depth = "ViT-L/16 of 4 blocks", 4
	wide := base(1024)
	wide.Size = 384
	return sizes{Gradients: []model{tiny(8), four}, Optimizer: four, Placement: large(16), Graphs: large(8), Replays: 30,
		Curve: large(16), Steps: 200, Resume: mini(5), Memory: wide,
		Speed: large(16), Batches: []int{16, 32, 64, 128}, Raced: []string{"fp32", "tf32", "bf16", "fp16"}, Compile: []int{16, 64}, Warm: 5, Rounds: 3, Block: 20,
		EndToEnd: large(16), Epochs: 3, Profile: large(16)}
}

func quickSizes() sizes {
	s := fullSizes()
	s.Gradients[1].Batch, s.Graphs, s.Curve = 2, tiny(16), tiny(16)
	s.Batches, s.Raced, s.Compile = []int{16, 64}, []string{"bf16", "fp16"}, nil
	s.EndToEnd = base(16)
	return s
}

func smallSizes() sizes {
	return sizes{Gradients: []model{mini(4)}, Optimizer: mini(4), Placement: mini(4), Graphs: mini(4), Replays: 30, Curve: mini(8), Steps: 40,
		Resume: mini(5), Memory: mini(1024), Speed: mini(8), Batches: []int{8}, Raced: []string{"fp32", "bf16", "fp16"}, Warm: 2, Rounds: 3, Block: 3,
		EndToEnd: mini(16), Epochs: 2, Profile: mini(8)}
}
