package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"fovea/internal/numbers"
	"fovea/internal/progress"
	"fovea/internal/runfiles"
	"fovea/training"
	"fovea/training/checkpoint"
	"fovea/training/config"
)

// resume interrupts runs. Two equal runs may differ where the runtime adds up in any order. The resumed run may then
// lie a few times as far away.
func resume(ctx context.Context, s *section) error {
	dir, err := s.dataset("fundus", "retinamnist", 1, map[string]int{"train": 9, "val": 4, "test": 5})
	if err != nil {
		return err
	}
	s.table(fmt.Sprintf("%s, 2 epochs of RetinaMNIST, accumulation, EMA, clipping, drop-path, augmentation; interrupted "+
		"in the second. Compared are the parameters and the optimizer's state of the last checkpoint, differences as "+
		"parts of a tensor's largest entry.", mini(5)),
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
	named := func(name string) *config.Config {
		c := s.config(mini(5), precision)
		c.Name = fmt.Sprintf("%s-%s-%t", name, precision, recorded)
		c.Data.Dir, c.Output.Dir = dir, filepath.Join(s.folder, "runs")
		c.Augment.Smoothing, c.Augment.Mixup = 0.1, 0
		c.Optimizer.LR, c.Optimizer.Clip = 1e-3, 1
		c.Schedule.Epochs, c.Schedule.Warmup = 2, 1
		c.Training.Accumulate, c.Training.EMA, c.Runtime.CUDAGraph = 2, 0.9, recorded
		return c
	}
	one, err := training.Run(ctx, named("one"), training.Options{})
	if err != nil {
		return err
	}
	two, err := training.Run(ctx, named("two"), training.Options{})
	if err != nil {
		return err
	}
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err = training.Run(stop, named("broken"), training.Options{Progress: func(u progress.Update) {
		if u.Task == "epoch 2/2" && u.Done > 0 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || ctx.Err() != nil {
		return fmt.Errorf("the run that was to be interrupted ended with %v", err)
	}
	r, err := training.Run(ctx, named("broken"), training.Options{Resume: true})
	if err != nil {
		return err
	}
	equal, err := compareCheckpoints(one.Folder, two.Folder)
	if err != nil {
		return err
	}
	resumed, err := compareCheckpoints(one.Folder, r.Folder)
	if err != nil {
		return err
	}
	graph := "off"
	if recorded {
		graph = "on"
	}
	s.judge(asEqualRuns(resumed, equal),
		fmt.Sprintf("%s: the resumed run is %.1e off, equal runs %.1e", precision, resumed, equal),
		precision, graph, differenceText(equal), differenceText(resumed))
	return nil
}

// compareCheckpoints returns the largest difference in the last checkpoints of two runs, as a part of a tensor's
// largest entry. It is 0 only if all tensors are equal, byte for byte.
func compareCheckpoints(a, b string) (largest float64, err error) {
	x, err := checkpoint.Read(filepath.Join(a, runfiles.LastCheckpoint))
	if err != nil {
		return 0, err
	}
	defer x.Close()
	y, err := checkpoint.Read(filepath.Join(b, runfiles.LastCheckpoint))
	if err != nil {
		return 0, err
	}
	defer y.Close()
	got, want := slices.Concat(y.Parameters, y.Optimizer), slices.Concat(x.Parameters, x.Optimizer)
	if len(got) != len(want) {
		return 0, fmt.Errorf("%s has %d tensors, %s %d", b, len(got), a, len(want))
	}
	for i, t := range want {
		if got[i].Name != t.Name || len(got[i].Data) != len(t.Data) {
			return 0, fmt.Errorf("%s has another %s than %s", b, t.Name, a)
		}
		if bytes.Equal(got[i].Data, t.Data) {
			continue
		}
		d := distanceOf(numbers.View[float32](got[i].Data), numbers.View[float32](t.Data))
		if largest = max(largest, 1e-30); further(d.largest, largest) {
			largest = d.largest
		}
	}
	return largest, nil
}
