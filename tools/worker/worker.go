// Package worker takes training steps in processes of their own, Fovea's and PyTorch's, and measures them.
//
// A process reads requests from its standard input, one JSON object a line, and answers each with one. The first
// request is a [Job], for which it builds the model. Each other is a [Request]. An answer may be an error. The process
// ends with its input. [Serve] is Fovea's side, peer.py PyTorch's.
package worker

import (
	"fmt"

	"fovea/training/config"
)

// Classes is the number of classes of every model.
const Classes = 5

// A Model names a classifier and the images of a step.
type Model struct {
	Name  string `json:"name"`  // for tables
	Size  int    `json:"size"`  // of an image's side, in pixels
	Patch int    `json:"patch"` // with Width, Depth and Heads: of a ViT, unless Arch or ONNX is set
	Width int    `json:"width"`
	Depth int    `json:"depth"`
	Heads int    `json:"heads"`
	Batch int    `json:"batch"` // images a step
	Arch  string `json:"arch"`  // name of a ViT
	ONNX  string `json:"onnx"`  // file; imported_peer.py writes torchvision's model Arch to it
}

// String returns the name, the size of the images and the batch size.
func (m Model) String() string { return fmt.Sprintf("%s, %d px, batch %d", m.Name, m.Size, m.Batch) }

// A Job tells a process what to train.
type Job struct {
	Model      Model   `json:"model"`
	Device     string  `json:"device"`    // cpu or cuda
	Precision  string  `json:"precision"` // fp32, tf32, bf16 or fp16
	Threads    int     `json:"threads"`   // on the CPU
	DropPath   float64 `json:"drop_path"` // rate of the last block
	LayerDecay float64 `json:"layer_decay"`
	Batches    string  `json:"batches"` // file, see Batches.Write; empty: noise
	Count      int     `json:"count"`   // number of batches, which take turns

	// Fovea reads these, PyTorch does not.
	CUDAGraph     bool   `json:"cuda_graph"`
	Recompute     string `json:"recompute"`      // training.recompute
	Adaptation    string `json:"adaptation"`     // model.adaptation
	Shuffle       bool   `json:"shuffle"`        // puts nodes in a random order
	MemoryPattern bool   `json:"memory_pattern"` // the runtime's
	ProfilePrefix string `json:"profile_prefix"` // of the file of the runtime's profile; empty: none

	// PyTorch reads these, Fovea does not.
	Weights   string `json:"weights"` // safetensors file of all parameters; empty: random
	Compile   bool   `json:"compile"`
	AdamW     string `json:"adamw"`      // implementation: default, foreach or fused
	BatchNorm string `json:"batch_norm"` // in the file that imported_peer.py writes: folded or kept
}

// Config returns the config of Fovea's side. It names no dataset.
func (j Job) Config() *config.Config {
	c, m := config.Defaults(), j.Model
	c.Name, c.Data.Dir, c.Data.Size, c.Data.CropPct = "worker", "unused", m.Size, 1
	switch {
	case m.ONNX != "":
		c.Model.Arch, c.Model.ONNX = "", m.ONNX
	case m.Arch != "":
		c.Model.Arch = m.Arch
	default:
		c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads = m.Patch, m.Width, m.Depth, m.Heads
	}
	c.Model.DropPath, c.Optimizer.LayerDecay = j.DropPath, j.LayerDecay
	c.Training.Batch, c.Training.Precision = m.Batch, j.Precision
	if j.Adaptation != "" {
		c.Model.Adaptation = j.Adaptation
	}
	if j.Recompute != "" {
		c.Training.Recompute = j.Recompute
	}
	c.Runtime.Provider, c.Runtime.Threads, c.Runtime.CUDAGraph = j.Device, j.Threads, j.CUDAGraph
	return c
}

// A Request asks a process that has its job for one thing.
type Request struct {
	Rates    []float64 `json:"rates,omitempty"`    // takes a step with each learning rate
	Profile  bool      `json:"profile,omitempty"`  // PyTorch takes steps; Fovea sums up those that it took, and ends
	Memory   bool      `json:"memory,omitempty"`   // the memory taken so far
	Versions bool      `json:"versions,omitempty"` // of PyTorch's libraries
}

// Steps returns the request of n steps with one learning rate.
func Steps(n int, rate float64) Request {
	r := Request{Rates: make([]float64, n)}
	for i := range r.Rates {
		r.Rates[i] = rate
	}
	return r
}

// An Answer has what its request asked for. Times are sums over the steps in seconds, memory is in bytes.
type Answer struct {
	Versions map[string]string `json:"versions"`

	Losses    []float64 `json:"losses"` // one a step
	Seconds   float64   `json:"seconds"`
	Forward   float64   `json:"forward"` // of Fovea 0, because one graph does both
	Backward  float64   `json:"backward"`
	Optimizer float64   `json:"optimizer"` // on a GPU not measured apart, like the two before

	Operators map[string]Share `json:"operators"` // of one step
	Kernels   map[string]Share `json:"kernels"`   // of one step, on a GPU

	Driver    int64 `json:"driver"`     // of the GPU, taken since the start
	Reserved  int64 `json:"reserved"`   // of it at most, by PyTorch's allocator
	PeakRSS   int64 `json:"peak_rss"`   // of the process, resident; 0 where the system does not tell
	ImportRSS int64 `json:"import_rss"` // of it, by PyTorch's libraries alone
	Arenas    int64 `json:"arenas"`     // of it, by Fovea's parameters, gradients and moments
}

// A Share is an operator's or kernel's part of a step.
type Share struct {
	Calls   float64 `json:"calls"`
	Seconds float64 `json:"seconds"`
}
