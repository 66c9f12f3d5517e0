package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"fovea/internal/numbers"
	"fovea/onnx/cuda"
	"fovea/onnx/weights"
	"fovea/training"
	"fovea/training/config"
	"fovea/training/memory"
)

const workerCommand = "worker"

// worker trains what it is told, as training.Run does, but from batches in memory.
type worker struct {
	job     job
	learner *training.Bench
	batches *batches
	device  *cuda.Device // nil on the CPU
	free    int64        // of its memory, when nothing had been taken
	next    int          // batch
	step    int64        // optimizer steps taken
}

// work answers requests, see job.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	w := new(worker)
	requests, answers := bufio.NewReader(in), json.NewEncoder(out)
	for {
		line, err := requests.ReadBytes('\n')
		if err == io.EOF {
			return w.close()
		}
		if err != nil {
			return err
		}
		a, err := w.answer(ctx, line)
		if err != nil {
			a = &answer{Error: err.Error(), NoMemory: memory.OutOfMemory(err)}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func (w *worker) answer(ctx context.Context, line []byte) (*answer, error) {
	if w.learner == nil {
		if err := json.Unmarshal(line, &w.job); err != nil {
			return nil, err
		}
		return new(answer), w.open(ctx)
	}
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, err
	}
	if r.Memory {
		return w.memory()
	}
	return w.steps(r.Rates)
}

func (w *worker) open(ctx context.Context) (err error) {
	j := w.job
	s := &settings{}
	c := j.Model.config(s, j.Provider, j.Precision)
	c.Model.DropPath, c.Optimizer.LayerDecay, c.Optimizer.WeightDecay = j.DropPath, j.LayerDecay, j.WeightDecay
	c.Runtime.CUDAGraph, c.Runtime.Threads = j.CUDAGraph, j.Threads
	if j.Recompute {
		c.Training.Recompute = "full"
	}
	if w.batches, err = readBatches(j.Batches, j.Model, j.Count); err != nil {
		return err
	}
	if j.Provider == "cuda" {
		if w.device, err = cuda.Open(0); err != nil {
			return err
		}
		if w.free, _, err = w.device.Free(); err != nil {
			return err
		}
	}
	if w.learner, err = training.NewBench(ctx, c, j.Classes, training.Experiment{}); err != nil {
		return err
	}
	return loadWeights(w.learner, j.Weights)
}

// steps takes a step with each rate, in the order of training's loop: the next
// batch is brought while the GPU is at work.
func (w *worker) steps(rates []float64) (*answer, error) {
	a := new(answer)
	stage := func() error {
		i := w.next % w.batches.count
		w.next++
		return w.learner.Stage(w.batches.images[i], w.batches.targets[i], 0, w.next)
	}
	start := time.Now()
	if err := stage(); err != nil {
		return nil, err
	}
	for i, rate := range rates {
		if err := w.learner.ForwardBackward(); err != nil {
			return nil, err
		}
		if err := w.learner.Update(w.step+1, rate); err != nil {
			return nil, err
		}
		if i+1 < len(rates) {
			if err := stage(); err != nil {
				return nil, err
			}
		}
		loss, err := w.learner.Settle()
		if err != nil && w.job.Precision != "fp16" { // there, a step is skipped
			return nil, err
		}
		if err == nil {
			w.step++
		}
		a.Losses = append(a.Losses, loss)
	}
	a.Seconds = time.Since(start).Seconds()
	return a, nil
}

func (w *worker) memory() (*answer, error) {
	if w.device == nil {
		return new(answer), nil
	}
	free, _, err := w.device.Free()
	return &answer{Driver: w.free - free}, err
}

func (w *worker) close() error {
	var failed []error
	if w.learner != nil {
		failed = append(failed, w.learner.Close())
	}
	if w.device != nil {
		failed = append(failed, w.device.Close())
	}
	return errors.Join(failed...)
}

// loadWeights makes a learner begin with the parameters of a file.
func loadWeights(l *training.Bench, path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	byName := map[string]weights.Tensor{}
	for _, t := range f.Tensors {
		byName[t.Name] = t
	}
	return l.Initialize(func(name string, values []float32) error {
		t, ok := byName[name]
		if !ok {
			return errors.New(path + " has no " + name)
		}
		data, err := t.Bytes()
		if err == nil {
			copy(numbers.Bytes(values), data)
		}
		return err
	})
}

// saveWeights writes the parameters of a new learner of a config to a file.
func saveWeights(ctx context.Context, c *config.Config, path string) error {
	own := *c
	own.Runtime.Provider, own.Training.Precision, own.Training.Batch = "cpu", "fp32", 1
	l, err := training.NewBench(ctx, &own, classes, training.Experiment{})
	if err != nil {
		return err
	}
	defer l.Close()
	return writeParameters(l, path)
}
