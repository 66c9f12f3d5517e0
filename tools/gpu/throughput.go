package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// throughputNumber is the section's, whose parts may be measured by several calls.
const throughputNumber = 10

// contender is a program that takes the steps that are measured.
type contender struct {
	name  string
	peer  bool
	job   job
	alone bool // the others had to end first

	process *process
	memory  *answer
	failed  error
	rates   []float64 // images a second, of each round
}

// throughput measures whole steps: ours, PyTorch's, ours, PyTorch's.
func throughput(ctx context.Context, s *section) error {
	z := s.Sizes
	s.table(fmt.Sprintf("%s, %d px, images a second of whole steps with AdamW, drop-path 0.2 and batches in host memory: median, least and largest of "+
		"%d rounds of %d steps, in which the programs take turns. Memory is what the driver says the program took, in MiB, and what of it PyTorch had reserved at most.",
		z.Speed.Name, z.Speed.Size, z.Rounds, z.Block),
		"batch", "precision", "program", "images/s", "least", "largest", "ms a step", "memory", "reserved", "ratio to PyTorch eager", "")
	for _, batch := range z.Batches {
		m := z.Speed.at(batch)
		j, err := s.files(ctx, m, noise(m, 2))
		if err != nil {
			return err
		}
		j.DropPath = 0.2
		for _, p := range z.Raced {
			j.Precision = p
			if err := s.race(ctx, s.contenders(j, batch == slices.Max(z.Batches)), m); err != nil {
				return err
			}
		}
	}
	s.note("Ours waits for each step, as a run does; PyTorch's steps follow one another unwaited-for, and losses are read at the end of a round.")
	s.note("PyTorch's drop-path draws on the device; ours comes with the batch. PyTorch's attention is its fused kernel, ours are plain products.")
	return nil
}

// contenders of a batch and precision.
func (s *section) contenders(j job, recompute bool) []*contender {
	add := func(name string, change func(*job)) *contender {
		own := j
		change(&own)
		return &contender{name: name, job: own}
	}
	out := []*contender{add("Fovea", func(*job) {})}
	if s.cuda() {
		out = append(out, add("Fovea, cuda_graph", func(j *job) { j.CUDAGraph = true }))
	}
	if recompute {
		out = append(out, add(`Fovea, recompute = "full"`, func(j *job) { j.Recompute, j.CUDAGraph = true, s.cuda() }))
	}
	if s.Python == "" {
		return out
	}
	out = append(out, add("PyTorch eager", func(*job) {}))
	if slices.Contains(s.Sizes.Compile, j.Model.Batch) {
		out = append(out, add("PyTorch torch.compile", func(j *job) { j.Compile = true }))
	}
	for _, c := range out {
		c.peer = c.name[0] == 'P'
	}
	return out
}

// race lets the contenders take turns. Those that do not start beside the others,
// for lack of memory or because the GPU is for one program at a time, run behind
// them, alone.
func (s *section) race(ctx context.Context, all []*contender, m model) error {
	var together []*contender
	for _, c := range all {
		if c.failed = s.open(ctx, c); c.failed == nil {
			together = append(together, c)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	s.rounds(together, m)
	for _, c := range all {
		if c.failed != nil && (len(together) > 1 || len(together) == 1 && together[0] != c) {
			c.alone, c.rates = true, nil
			if c.failed = s.open(ctx, c); c.failed == nil {
				s.rounds([]*contender{c}, m)
			}
		}
	}
	eager := 0.0
	for _, c := range all {
		if c.name == "PyTorch eager" && c.failed == nil {
			eager = median(c.rates)
		}
	}
	for _, c := range all {
		s.rowOf(c, m, eager)
	}
	return ctx.Err()
}

// open starts a contender and warms it up.
func (s *section) open(ctx context.Context, c *contender) (err error) {
	s.progress("%s, batch %d, %s: starting", c.name, c.job.Model.Batch, c.job.Precision)
	if c.peer {
		c.process, err = s.startPeer(ctx)
	} else {
		c.process, err = startOurs(ctx)
	}
	if err != nil {
		return err
	}
	if _, err = c.process.ask(c.job); err == nil {
		if _, err = c.process.steps(s.Sizes.Warm, 1e-5); err == nil {
			c.memory, err = c.process.ask(request{Memory: true})
		}
	}
	if err != nil {
		c.process.end()
	}
	return err
}

// rounds measures processes that are warm, and ends them.
func (s *section) rounds(all []*contender, m model) {
	for range s.Sizes.Rounds {
		for _, c := range all {
			if c.failed != nil {
				continue
			}
			var a *answer
			if a, c.failed = c.process.steps(s.Sizes.Block, 1e-5); c.failed == nil {
				c.rates = append(c.rates, float64(s.Sizes.Block*m.Batch)/a.Seconds)
			}
		}
	}
	for _, c := range all {
		if c.failed == nil { // torch's reserved memory is known at the end
			if last, err := c.process.ask(request{Memory: true}); err == nil {
				c.memory.Reserved = last.Reserved
			}
		}
		if err := c.process.end(); c.failed == nil && err != nil {
			c.failed = fmt.Errorf("at its end: %w", err)
		}
	}
}

// rowOf writes a contender's row.
func (s *section) rowOf(c *contender, m model, eager float64) {
	head := []string{fmt.Sprint(m.Batch), c.job.Precision, c.name}
	if c.failed != nil {
		why := "out of memory"
		if !errors.Is(c.failed, errMemory) {
			why = "failed"
			s.require(false, "%s, batch %d, %s: %v", c.name, m.Batch, c.job.Precision, c.failed)
		}
		s.row(append(head, why, "", "", "", "", "", "", "")...)
		return
	}
	rate := median(c.rates)
	cells := append(head, fmt.Sprintf("%.1f", rate), fmt.Sprintf("%.1f", slices.Min(c.rates)), fmt.Sprintf("%.1f", slices.Max(c.rates)),
		fmt.Sprintf("%.1f", 1e3*float64(m.Batch)/rate), mebibytes(c.memory.Driver), mebibytes(c.memory.Reserved))
	ratio, remark := "", ""
	if eager > 0 {
		ratio = fmt.Sprintf("%.2f", rate/eager)
	}
	if c.alone {
		remark = "alone: it did not start beside the others"
	}
	s.row(append(cells, ratio, remark)...)
}

func mebibytes(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n >> 20)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}
