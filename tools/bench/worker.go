package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"

	"fovea/training"
	"fovea/training/config"
)

const classes = 5

// report is what a worker, ours or the peer, prints for a step.
type report struct {
	Seconds   float64 `json:"seconds"`
	Forward   float64 `json:"forward"`
	Backward  float64 `json:"backward"`
	Optimizer float64 `json:"optimizer"`
	Loss      float64 `json:"loss"`
}

// farewell is what a worker prints when it ends.
type farewell struct {
	PeakRSS   int64             `json:"peak_rss"`
	Arenas    int64             `json:"arenas"` // of it: parameters, gradients, moments
	ImportRSS int64             `json:"import_rss"`
	Versions  map[string]string `json:"versions"`
	Profile   string            `json:"profile,omitempty"`
}

// work takes the steps that its input asks for: the protocol of peer.py.
func work(ctx context.Context, s setup) error {
	l, images, targets, err := newStep(ctx, s)
	if err != nil {
		return err
	}
	defer l.Close()
	out := json.NewEncoder(os.Stdout)
	step := int64(0)
	take := func() (report, error) {
		step++
		start := time.Now()
		if err := l.Stage(images, targets, 0, int(step)); err != nil {
			return report{}, err
		}
		if err := l.ForwardBackward(); err != nil {
			return report{}, err
		}
		middle := time.Now()
		if err := l.Update(step, 1e-4); err != nil {
			return report{}, err
		}
		loss, err := l.Settle()
		if err != nil {
			return report{}, err
		}
		end := time.Now()
		return report{Seconds: end.Sub(start).Seconds(), Backward: middle.Sub(start).Seconds(),
			Optimizer: end.Sub(middle).Seconds(), Loss: loss}, nil
	}
	for range 2 { // warm up
		if _, err := take(); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() && strings.TrimSpace(in.Text()) == "step" {
		r, err := take()
		if err != nil {
			return err
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	bye := farewell{Arenas: 4 * l.ArenaBytes(), Versions: map[string]string{"go": runtime.Version()}}
	if bye.PeakRSS, err = peakMemory(); err != nil {
		return err
	}
	if s.profile != "" {
		if bye.Profile, err = l.EndProfile(); err != nil {
			return err
		}
	}
	return out.Encode(bye)
}

// newStep builds the model and a random batch.
func newStep(ctx context.Context, s setup) (l *training.Bench, images, targets []float32, err error) {
	c := config.Defaults()
	c.Name, c.Data.Dir = "bench", "unused"
	c.Data.Size, c.Model.Arch = s.size, s.arch
	if s.model != "" {
		c.Model.Arch, c.Model.DropPath, c.Model.ONNX = "", 0, s.model
	}
	c.Training.Recompute = s.recompute
	c.Training.Batch, c.Runtime.Threads, c.Runtime.Provider = s.batch, s.threads, "cpu"
	l, err = training.NewBench(ctx, c, classes, training.Experiment{
		Shuffle: s.shuffle, MemoryPattern: s.memoryPattern, Profile: s.profile})
	if err != nil {
		return nil, nil, nil, err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	images = make([]float32, s.batch*3*s.size*s.size)
	for i := range images {
		images[i] = float32(rng.NormFloat64())
	}
	targets = make([]float32, s.batch*classes)
	for i := range s.batch {
		targets[i*classes+rng.IntN(classes)] = 1
	}
	return l, images, targets, nil
}

// peakMemory is the largest resident size of this process so far, in bytes.
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("peak memory is known on Linux only: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no VmHWM")
}
