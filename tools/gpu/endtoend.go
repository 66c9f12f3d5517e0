package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"fovea/internal/progress"
	"fovea/tools/worker"
	"fovea/training"
)

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
	last := fmt.Sprintf("epoch %d/%d", n, n)
	var first, latest progress.Update // of the last epoch
	var began, ended time.Time
	start := time.Now()
	r, err := training.Run(ctx, c, training.Options{Progress: func(u progress.Update) {
		if u.Task != last {
			return
		}
		latest, ended = u, time.Now()
		if began.IsZero() {
			first, began = u, ended
		}
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
	rate := float64(latest.Done-first.Done) / ended.Sub(began).Seconds()
	s.table(fmt.Sprintf("%s, %s, JPEG scans of 512 × 496 pixels from data.cache, full recipe; the last of %d epochs",
		m, precision, n), "what", "")
	s.row("training, images/s", fmt.Sprintf("%.1f", rate))
	s.row("the same steps from batches in memory, images/s", fmt.Sprintf("%.1f", fromMemory))
	s.row("of that, with the loader", fmt.Sprintf("%.0f %%", 100*rate/fromMemory))
	s.row("the whole run, s", fmt.Sprintf("%.1f", seconds))
	s.require(rate > 0, "the run told nothing of its last epoch")
	s.require(r.Epochs == n, "the run has %d epochs", r.Epochs)
	return nil
}
