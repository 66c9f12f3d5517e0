package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fovea/internal/numbers"
	"fovea/internal/progress"
	"fovea/internal/runfiles"
	"fovea/onnx/weights"
	"fovea/training"
	"fovea/training/config"
)

// resume interrupts runs. Where two equal runs differ, the runtime's sums are not
// made in one order, and the resumed one may lie a few times as far off.
func resume(ctx context.Context, s *section) error {
	dir, err := s.dataset("fundus", "retinamnist", 1, map[string]int{"train": 9, "val": 4, "test": 5})
	if err != nil {
		return err
	}
	s.table(fmt.Sprintf("%s, 2 epochs of RetinaMNIST, accumulation, EMA, clipping, drop-path, augmentation; interrupted in the second. "+
		"Compared are the parameters and the optimizer's state of the last checkpoint, differences as parts of a tensor's largest entry.", s.Sizes.Resume),
		"precision", "CUDA graph", "two equal runs", "the resumed run", "")
	for _, p := range s.precisions("fp32", "fp16") {
		for _, recorded := range []bool{false, true} {
			if recorded && !s.cuda() {
				continue
			}
			if err := s.resumed(ctx, dir, p, recorded); err != nil {
				s.require(false, "%s, runtime.cuda_graph = %t: %v", p, recorded, err)
			}
		}
	}
	return nil
}

func (s *section) resumed(ctx context.Context, dir, precision string, recorded bool) error {
	configured := func(name string) *config.Config {
		c := s.Sizes.Resume.config(s.settings, s.Provider, precision)
		c.Name, c.Data.Dir, c.Output.Dir = fmt.Sprintf("%s-%s-%t", name, precision, recorded), dir, filepath.Join(s.folder, "runs")
		c.Model.DropPath, c.Augment.Smoothing, c.Augment.Mixup = 0.2, 0.1, 0
		c.Optimizer.LR, c.Optimizer.Clip = 1e-3, 1
		c.Schedule.Epochs, c.Schedule.Warmup = 2, 1
		c.Training.Accumulate, c.Training.EMA, c.Runtime.CUDAGraph = 2, 0.9, recorded
		return c
	}
	var folders []string
	for _, name := range []string{"one", "two"} {
		r, err := training.Run(ctx, configured(name), training.Options{})
		if err != nil {
			return err
		}
		folders = append(folders, r.Folder)
	}
	c := configured("broken")
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := training.Run(stop, c, training.Options{Progress: func(u progress.Update) {
		if u.Task == "epoch 2/2" && u.Done > 0 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || ctx.Err() != nil {
		return fmt.Errorf("the run that was to be interrupted ended with %v", err)
	}
	r, err := training.Run(ctx, c, training.Options{Resume: true})
	if err != nil {
		return err
	}
	twice, err := checkpointsApart(folders[0], folders[1])
	if err != nil {
		return err
	}
	resumed, err := checkpointsApart(folders[0], r.Folder)
	if err != nil {
		return err
	}
	ok := resumed == 0 || twice > 0 && resumed <= equalRuns*twice
	s.row(precision, onOff(recorded), apartText(twice), apartText(resumed), verdictOf(ok))
	s.require(ok, "%s: the resumed run is %.1e off, equal runs %.1e", precision, resumed, twice)
	return nil
}

// equalRuns is how much further apart what must be equal may lie than two equal
// runs do, where the runtime's sums make these differ.
const equalRuns = 10

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func apartText(x float64) string {
	if x == 0 {
		return "equal bits"
	}
	return fmt.Sprintf("differ by %.1e", x)
}

// checkpointsApart is how far the last checkpoints of two runs lie apart; 0 only if
// they are equal, byte for byte.
func checkpointsApart(a, b string) (largest float64, err error) {
	for _, name := range []string{runfiles.CheckpointModel, runfiles.CheckpointOptimizer} {
		paths := []string{filepath.Join(a, runfiles.LastCheckpoint, name), filepath.Join(b, runfiles.LastCheckpoint, name)}
		var contents [2][]byte
		for i, path := range paths {
			if contents[i], err = os.ReadFile(path); err != nil {
				return 0, err
			}
		}
		if bytes.Equal(contents[0], contents[1]) {
			continue
		}
		apart, err := tensorsApart(paths[0], paths[1])
		if err != nil {
			return 0, err
		}
		largest = max(largest, apart, 1e-30)
	}
	return largest, nil
}

func tensorsApart(a, b string) (largest float64, err error) {
	x, err := weights.Open(a)
	if err != nil {
		return 0, err
	}
	defer x.Close()
	y, err := weights.Open(b)
	if err != nil {
		return 0, err
	}
	defer y.Close()
	other := map[string][]byte{}
	for _, t := range y.Tensors {
		other[t.Name] = t.Data
	}
	for _, t := range x.Tensors {
		if len(other[t.Name]) != len(t.Data) {
			return 0, fmt.Errorf("%s has another %s than %s", b, t.Name, a)
		}
		d := distanceOf(numbers.View[float32](other[t.Name]), numbers.View[float32](t.Data))
		if further(d.largest, largest) {
			largest = d.largest
		}
	}
	return largest, nil
}
