package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fovea/tools/worker"
)

// A contender is a program that takes the steps that are measured.
type contender struct {
	name  string
	start worker.Starter
	job   worker.Job
	alone bool // the others had to end first

	process *worker.Process
	memory  *worker.Answer
	failed  error
	rates   []float64 // images a second, of each round
}

const raceRounds = 3

// PyTorch's contenders.
const (
	eager    = "PyTorch eager"
	compiled = "PyTorch torch.compile"
)

// throughput measures whole steps: ours, PyTorch's, ours, PyTorch's.
func throughput(ctx context.Context, s *section) error {
	z := s.Sizes
	s.table(fmt.Sprintf("%s, %d px, images a second of whole steps with AdamW, drop-path 0.2 and batches in host memory: "+
		"median, least and largest of %d rounds of %d steps, in which the programs take turns. Memory is what the driver "+
		"says the program took, in MiB, and what of it PyTorch had reserved at most.",
		z.Speed.Name, z.Speed.Size, raceRounds, z.Block),
		"batch", "precision", "program", "images/s", "least", "largest", "ms a step", "memory", "reserved",
		"ratio to PyTorch eager", "")
	var short [][]string
	for _, batch := range z.Batches {
		m := z.Speed
		m.Batch = batch
		for _, precision := range z.Raced {
			all := s.contenders(s.job(m, precision))
			if err := s.race(ctx, all); err != nil {
				return err
			}
			ours := fastest(all, "Fovea")
			cells := []string{fmt.Sprint(batch), precision, fmt.Sprintf("%.1f", ours)}
			for _, name := range []string{eager, compiled} {
				if theirs := fastest(all, name); theirs > 0 {
					cells = append(cells, fmt.Sprintf("%.1f", theirs), fmt.Sprintf("%.2f", ours/theirs))
				} else {
					cells = append(cells, "", "")
				}
			}
			short = append(short, cells)
		}
	}
	s.table("In short: the fastest of Fovea's rows",
		"batch", "precision", "Fovea, images/s", eager, "ratio", compiled, "ratio")
	for _, cells := range short {
		s.row(cells...)
	}
	s.note("Ours waits for each step, as a run does; PyTorch's steps follow one another unwaited-for, " +
		"and losses are read at the end of a round.")
	s.note("PyTorch's drop-path draws on the device; ours comes with the batch. " +
		"PyTorch's attention is its fused kernel, ours are plain products.")
	return nil
}

// contenders returns those of a batch size and precision.
func (s *section) contenders(j worker.Job) []*contender {
	var all []*contender
	add := func(name string, start worker.Starter, change func(*worker.Job)) {
		own := j
		change(&own)
		all = append(all, &contender{name: name, start: start, job: own})
	}
	add("Fovea", worker.StartFovea, func(*worker.Job) {})
	if s.cuda() {
		add("Fovea, cuda_graph", worker.StartFovea, func(j *worker.Job) { j.CUDAGraph = true })
	}
	if j.Model.Batch == slices.Max(s.Sizes.Batches) {
		add(`Fovea, recompute = "full"`, worker.StartFovea, func(j *worker.Job) {
			j.Recompute, j.CUDAGraph = "full", s.cuda()
		})
	}
	if s.Python != "" {
		add(eager, s.peer(), func(*worker.Job) {})
		if slices.Contains(s.Sizes.Compile, j.Model.Batch) {
			add(compiled, s.peer(), func(j *worker.Job) { j.Compile = true })
		}
	}
	return all
}

// race lets the contenders take turns. Some may not start beside the others, for lack of memory or because the GPU is
// for one program at a time. They run afterwards, alone.
func (s *section) race(ctx context.Context, all []*contender) error {
	var together []*contender
	for _, c := range all {
		if s.open(ctx, c) {
			together = append(together, c)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	s.rounds(together)
	for _, c := range all {
		if c.failed == nil || len(together) == 0 || len(together) == 1 && together[0] == c {
			continue
		}
		c.alone, c.rates = true, nil
		if s.open(ctx, c) {
			s.rounds([]*contender{c})
		}
	}
	theirs := fastest(all, eager)
	for _, c := range all {
		s.rate(c, theirs)
	}
	return ctx.Err()
}

// fastest returns the highest rate of the contenders whose names begin so, 0 if none has one.
func fastest(all []*contender, name string) float64 {
	highest := 0.0
	for _, c := range all {
		if strings.HasPrefix(c.name, name) && c.failed == nil {
			highest = max(highest, worker.Median(c.rates))
		}
	}
	return highest
}

// open starts a contender and warms it up. It reports whether that worked.
func (s *section) open(ctx context.Context, c *contender) bool {
	s.progress("%s, batch %d, %s: starting", c.name, c.job.Model.Batch, c.job.Precision)
	if c.process, c.failed = c.start(ctx); c.failed != nil {
		return false
	}
	for _, request := range []any{c.job, worker.Steps(s.Sizes.Warm, 1e-5)} {
		if _, c.failed = c.process.Send(request); c.failed != nil {
			c.process.End()
			return false
		}
	}
	return true
}

// rounds measures processes that are warm, and ends them.
func (s *section) rounds(all []*contender) {
	for range raceRounds {
		for _, c := range all {
			if c.failed != nil {
				continue
			}
			var a *worker.Answer
			if a, c.failed = c.process.Send(worker.Steps(s.Sizes.Block, 1e-5)); c.failed == nil {
				c.rates = append(c.rates, float64(s.Sizes.Block*c.job.Model.Batch)/a.Seconds)
			}
		}
	}
	for _, c := range all {
		if c.failed == nil {
			c.memory, c.failed = c.process.Send(worker.Request{Memory: true})
		}
		if err := c.process.End(); c.failed == nil && err != nil {
			c.failed = fmt.Errorf("at its end: %w", err)
		}
	}
}

// rate writes a contender's row; theirs is the rate of PyTorch eager, or 0.
func (s *section) rate(c *contender, theirs float64) {
	batch := c.job.Model.Batch
	cells := []string{fmt.Sprint(batch), c.job.Precision, c.name}
	if c.failed != nil {
		why := "out of memory"
		if !errors.Is(c.failed, worker.ErrMemory) {
			why = "failed"
			s.require(false, "%s, batch %d, %s: %v", c.name, batch, c.job.Precision, c.failed)
		}
		s.row(append(cells, why, "", "", "", "", "", "", "")...)
		return
	}
	mebibytes := func(n int64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n >> 20)
	}
	rate := worker.Median(c.rates)
	for _, x := range []float64{rate, slices.Min(c.rates), slices.Max(c.rates), 1e3 * float64(batch) / rate} {
		cells = append(cells, fmt.Sprintf("%.1f", x))
	}
	ratio, remark := "", ""
	if theirs > 0 {
		ratio = fmt.Sprintf("%.2f", rate/theirs)
	}
	if c.alone {
		remark = "alone: it did not start beside the others"
	}
	s.row(append(cells, mebibytes(c.memory.Driver), mebibytes(c.memory.Reserved), ratio, remark)...)
}
