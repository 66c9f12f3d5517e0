package worker

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"fovea/onnx/cuda"
	"fovea/onnx/ort"
	"fovea/training"
	"fovea/training/memory"
)

// Serve takes training steps as training.Run does, but from batches in memory.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	w := new(server)
	return errors.Join(w.serve(ctx, bufio.NewReader(in), json.NewEncoder(out)), w.close())
}

// serve answers each line of the input with the JSON of an answer or of its error.
func (w *server) serve(ctx context.Context, requests *bufio.Reader, answers *json.Encoder) error {
	for {
		line, err := requests.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		a, err := w.answer(ctx, line)
		if err != nil {
			a = failure{err.Error(), memory.OutOfMemory(err)}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// A server trains one job.
type server struct {
	job     Job
	learner *training.Bench // nil before the job
	batches *Batches
	device  *cuda.Device // nil on the CPU
	free    int64        // bytes of the device's memory before the job
	staged  int          // batches
	taken   int64        // optimizer steps
}

func (w *server) answer(ctx context.Context, line []byte) (any, error) {
	if w.learner == nil {
		if err := json.Unmarshal(line, &w.job); err != nil {
			return nil, err
		}
		return Answer{}, w.open(ctx)
	}
	var r Request
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, err
	}
	switch {
	case r.Memory:
		return w.memory()
	case r.Profile:
		return w.profile()
	}
	return w.steps(r.Rates)
}

func (w *server) open(ctx context.Context) (err error) {
	j := w.job
	if j.Batches == "" {
		w.batches = Noise(j.Model, j.Count)
	} else if w.batches, err = readBatches(j.Batches, j.Model, j.Count); err != nil {
		return err
	}
	if j.Device == "cuda" {
		if w.device, err = cuda.Open(0); err != nil {
			return err
		}
		if w.free, _, err = w.device.Free(); err != nil {
			return err
		}
	}
	l, err := training.NewBench(ctx, j.Config(), Classes,
		training.Experiment{Shuffle: j.Shuffle, MemoryPattern: j.MemoryPattern, Profile: j.ProfilePrefix})
	if err == nil {
		w.learner = l
	}
	return err
}

// steps takes a step with each rate. Like training's loop it stages the next batch while the GPU computes.
func (w *server) steps(rates []float64) (*Answer, error) {
	a := new(Answer)
	stage := func() error {
		i := w.staged % len(w.batches.Images)
		w.staged++
		return w.learner.Stage(w.batches.Images[i], w.batches.Targets[i], 0, w.staged)
	}
	start := time.Now()
	if err := stage(); err != nil {
		return nil, err
	}
	begin := start
	for i, rate := range rates {
		if err := w.learner.ForwardBackward(); err != nil {
			return nil, err
		}
		middle := time.Now()
		if err := w.learner.Update(w.taken+1, rate); err != nil {
			return nil, err
		}
		if i+1 < len(rates) {
			if err := stage(); err != nil {
				return nil, err
			}
		}
		loss, err := w.learner.Settle()
		if err != nil && w.job.Precision != "fp16" { // an overflow in fp16 skips a step
			return nil, err
		}
		if err == nil {
			w.taken++
		}
		end := time.Now()
		a.Losses = append(a.Losses, loss)
		a.Backward += middle.Sub(begin).Seconds()
		a.Optimizer += end.Sub(middle).Seconds()
		begin = end
	}
	a.Seconds = begin.Sub(start).Seconds()
	return a, nil
}

func (w *server) memory() (*Answer, error) {
	a := &Answer{Arenas: 4 * w.learner.ArenaBytes(), PeakRSS: PeakRSS()}
	if w.device == nil {
		return a, nil
	}
	free, _, err := w.device.Free()
	a.Driver = w.free - free
	return a, err
}

// PeakRSS returns the largest resident size of this process so far, 0 where the system does not tell.
func PeakRSS() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

// profile ends the runtime's profile. An operator's time is the sum over its nodes, a node's the median over the steps,
// a kernel's the mean.
func (w *server) profile() (*Answer, error) {
	path, err := w.learner.EndProfile()
	if err != nil {
		return nil, err
	}
	events, err := ort.ReadProfile(path)
	if err != nil {
		return nil, err
	}
	a := &Answer{Operators: map[string]Share{}, Kernels: map[string]Share{}}
	times, operators := map[string][]float64{}, map[string]string{}
	for _, e := range events {
		if node, ok := e.Node(); ok {
			times[node], operators[node] = append(times[node], e.Duration/1e6), e.Args.Op
		} else if e.Category == "Kernel" {
			steps := float64(w.staged)
			x := a.Kernels[e.Name]
			a.Kernels[e.Name] = Share{x.Calls + 1/steps, x.Seconds + e.Duration/1e6/steps}
		}
	}
	for node, seconds := range times {
		x := a.Operators[operators[node]]
		a.Operators[operators[node]] = Share{x.Calls + 1, x.Seconds + Median(seconds)}
	}
	return a, nil
}

// Ranked returns the names of shares, the largest first, and the sum of their seconds.
func Ranked(shares map[string]Share) (names []string, seconds float64) {
	for _, x := range shares {
		seconds += x.Seconds
	}
	names = slices.SortedFunc(maps.Keys(shares), func(a, b string) int {
		return cmp.Compare(shares[b].Seconds, shares[a].Seconds)
	})
	return names, seconds
}

// Median returns the upper median of at least one number.
func Median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

func (w *server) close() error {
	var failed []error
	if w.learner != nil {
		failed = append(failed, w.learner.Close())
	}
	if w.device != nil {
		failed = append(failed, w.device.Close())
	}
	return errors.Join(failed...)
}
