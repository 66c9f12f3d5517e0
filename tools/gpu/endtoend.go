package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"fovea/internal/progress"
	"fovea/tools/worker"
	"fovea/training"
)

// A span reaches from the first news of a task to the last.
type span struct {
	first, last time.Time
	from, to    int // images
}

func (s *span) rate() float64 { return float64(s.to-s.from) / s.last.Sub(s.first).Seconds() }

// endToEnd times a whole run on OCT scans with RETFound's recipe.
func endToEnd(ctx context.Context, s *section) error {
	m := s.Sizes.EndToEnd
	repeat := 64
	if s.Preset == "small" {
		repeat = 4
	}
	dir, err := s.dataset("oct", "kermany_oct_mini", repeat, map[string]int{"train": 4, "val": 1, "test": 1})
	if err != nil {
		return err
	}
	n, precision := s.Sizes.Epochs, s.halfPrecision()
	c := s.config(m, precision)
	c.Name, c.Data.Dir, c.Output.Dir = "end", dir, filepath.Join(s.folder, "runs")
	c.Data.Cache = filepath.Join(s.folder, "cache")
	c.Schedule.Epochs, c.Schedule.Warmup, c.Runtime.CUDAGraph = n, 1, s.cuda()
	tasks := map[string]*span{}
	start := time.Now()
	r, err := training.Run(ctx, c, training.Options{Progress: func(u progress.Update) {
		now := time.Now()
		x := tasks[u.Task]
		if x == nil {
			x = &span{first: now, from: u.Done}
			tasks[u.Task] = x
		}
		x.last, x.to = now, u.Done
	}})
	if err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	j := s.job(m, precision)
	j.CUDAGraph = s.cuda()
	answers, err := worker.Measure(ctx, worker.StartFovea, j,
		worker.Steps(s.Sizes.Warm, 1e-5), worker.Steps(s.Sizes.Block, 1e-5))
	if err != nil {
		return err
	}
	fromMemory := float64(s.Sizes.Block*m.Batch) / answers[1].Seconds
	first, before := tasks[fmt.Sprintf("epoch 1/%d", n)], tasks[fmt.Sprintf("epoch %d/%d", n-1, n)]
	epoch, validation := tasks[fmt.Sprintf("epoch %d/%d", n, n)], tasks[fmt.Sprintf("validate %d/%d", n-1, n)]
	if epoch == nil || validation == nil {
		return fmt.Errorf("the run told nothing of its epochs, only of %v", slices.Sorted(maps.Keys(tasks)))
	}
	s.table(fmt.Sprintf("%s, %s, JPEG scans of 512 × 496 pixels from data.cache, full recipe; the last of %d epochs",
		m, precision, n), "what", "")
	figure := func(what, format string, x float64) { s.row(what, fmt.Sprintf(format, x)) }
	figure("training, images/s", "%.1f", epoch.rate())
	figure("the same steps from batches in memory, images/s", "%.1f", fromMemory)
	figure("of that, with the loader", "%.0f %%", 100*epoch.rate()/fromMemory)
	figure("from the end of validation to the first step: checkpoint, start of the loader, s", "%.2f",
		epoch.first.Sub(validation.last).Seconds())
	figure("validation, s", "%.2f", validation.last.Sub(before.last).Seconds())
	figure("the whole run, s", "%.1f", seconds)
	figure("before its first step, s", "%.1f", first.first.Sub(start).Seconds())
	s.require(r.Epochs == n, "the run has %d epochs", r.Epochs)
	return nil
}
