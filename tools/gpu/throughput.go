package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	var raced []*contender
	for _, batch := range z.Batches {
		m := z.Speed.at(batch)
		j, err := s.files(ctx, m, noise(m, 2))
		if err != nil {
			return err
		}
		j.DropPath = 0.2
		for _, p := range z.Raced {
			j.Precision = p
			all := s.contenders(j, batch == slices.Max(z.Batches))
			if err := s.race(ctx, all, m); err != nil {
				return err
			}
			raced = append(raced, all...)
		}
	}
	s.ratios(raced)
	s.note("Ours waits for each step, as a run does; PyTorch's steps follow one another unwaited-for, and losses are read at the end of a round.")
	s.note("PyTorch's drop-path draws on the device; ours comes with the batch. PyTorch's attention is its fused kernel, ours are plain products.")
	return nil
}

// contenders of a batch and precision.
func (s *section) contenders(j job, recompute bool) []*contender {
	var out []*contender
	add := func(name string, peer bool, change func(*job)) {
		own := j
		change(&own)
		out = append(out, &contender{name: name, peer: peer, job: own})
	}
	add("Fovea", false, func(*job) {})
	if s.cuda() {
		add("Fovea, cuda_graph", false, func(j *job) { j.CUDAGraph = true })
	}
	if recompute {
		add(`Fovea, recompute = "full"`, false, func(j *job) { j.Recompute, j.CUDAGraph = true, s.cuda() })
	}
	if s.Python == "" {
		return out
	}
	add(eager, true, func(*job) {})
	if slices.Contains(s.Sizes.Compile, j.Model.Batch) {
		add(compiled, true, func(j *job) { j.Compile = true })
	}
	return out
}

// PyTorch's contenders.
const (
	eager    = "PyTorch eager"
	compiled = "PyTorch torch.compile"
)

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
	for _, c := range all {
		s.rate(c, m, fastest(all, eager))
	}
	return ctx.Err()
}

// fastest is the highest rate of the contenders whose names begin so, 0 if none has one.
func fastest(all []*contender, name string) float64 {
	most := 0.0
	for _, c := range all {
		if strings.HasPrefix(c.name, name) && c.failed == nil {
			most = max(most, median(c.rates))
		}
	}
	return most
}

// ratios sums up: the fastest of ours beside PyTorch's.
func (s *section) ratios(all []*contender) {
	s.table("In short: the fastest of Fovea's rows", "batch", "precision", "Fovea, images/s", eager, "ratio", compiled, "ratio")
	for len(all) > 0 {
		first := all[0].job
		n := slices.IndexFunc(all, func(c *contender) bool { return c.job.Model != first.Model || c.job.Precision != first.Precision })
		if n < 0 {
			n = len(all)
		}
		ours := fastest(all[:n], "Fovea")
		cells := []string{fmt.Sprint(first.Model.Batch), first.Precision, fmt.Sprintf("%.1f", ours)}
		for _, name := range []string{eager, compiled} {
			if theirs := fastest(all[:n], name); theirs > 0 {
				cells = append(cells, fmt.Sprintf("%.1f", theirs), fmt.Sprintf("%.2f", ours/theirs))
			} else {
				cells = append(cells, "", "")
			}
		}
		s.row(cells...)
		all = all[n:]
	}
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

// rate writes a contender's row; theirs is the rate of PyTorch eager, or 0.
func (s *section) rate(c *contender, m model, theirs float64) {
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
	if theirs > 0 {
		ratio = fmt.Sprintf("%.2f", rate/theirs)
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
