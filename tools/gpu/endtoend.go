package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"fovea/internal/progress"
	"fovea/training"
)

// span is from the first news of a task to the last.
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
	p := s.halfPrecision()
	c := m.config(s.settings, s.Provider, p)
	c.Name, c.Data.Dir, c.Data.Cache, c.Output.Dir = "end", dir, filepath.Join(s.folder, "cache"), filepath.Join(s.folder, "runs")
	c.Model.DropPath, c.Schedule.Epochs, c.Schedule.Warmup, c.Runtime.CUDAGraph = 0.2, s.Sizes.Epochs, 1, s.cuda()
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
	j, err := s.files(ctx, m, noise(m, 2))
	if err != nil {
		return err
	}
	j.Precision, j.DropPath, j.CUDAGraph = p, 0.2, s.cuda()
	bare, err := s.bare(ctx, j)
	if err != nil {
		return err
	}
	n := s.Sizes.Epochs
	epoch, validation := tasks[fmt.Sprintf("epoch %d/%d", n, n)], tasks[fmt.Sprintf("validate %d/%d", n-1, n)]
	if epoch == nil || validation == nil {
		return fmt.Errorf("the run told nothing of its epochs, only of %v", taskNames(tasks))
	}
	s.table(fmt.Sprintf("%s, %s, JPEG scans of 512 × 496 pixels from data.cache, full recipe; the last of %d epochs", m, p, n), "what", "")
	s.row("training, images/s", fmt.Sprintf("%.1f", epoch.rate()))
	s.row("the same steps from batches in memory, images/s", fmt.Sprintf("%.1f", bare))
	s.row("of that, with the loader", fmt.Sprintf("%.0f %%", 100*epoch.rate()/bare))
	s.row("from the end of validation to the first step: checkpoint, start of the loader, s", fmt.Sprintf("%.2f", epoch.first.Sub(validation.last).Seconds()))
	s.row("validation, s", fmt.Sprintf("%.2f", validation.last.Sub(tasks[fmt.Sprintf("epoch %d/%d", n-1, n)].last).Seconds()))
	s.row("the whole run, s", fmt.Sprintf("%.1f", seconds))
	s.row("before its first step, s", fmt.Sprintf("%.1f", tasks[fmt.Sprintf("epoch 1/%d", n)].first.Sub(start).Seconds()))
	s.require(r.Epochs == n, "the run has %d epochs", r.Epochs)
	return nil
}

// bare is the speed of steps that wait for no image.
func (s *section) bare(ctx context.Context, j job) (float64, error) {
	w, err := startOurs(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := w.ask(j); err != nil {
		return 0, err
	}
	if _, err := w.steps(s.Sizes.Warm, 1e-5); err != nil {
		return 0, err
	}
	a, err := w.steps(s.Sizes.Block, 1e-5)
	if err != nil {
		return 0, err
	}
	return float64(s.Sizes.Block*j.Model.Batch) / a.Seconds, w.end()
}

func taskNames(tasks map[string]*span) string {
	var names []string
	for name := range tasks {
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
