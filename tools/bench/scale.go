package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"fovea/tools/worker"
	"fovea/training"
	"fovea/training/collective"
)

// scaleRank names the command of a process of compareScale.
const scaleRank = "scale-rank"

// A rankReport is what the processes of one training took in a step, the mean of all of them and of the last steps.
// Seconds is the median.
type rankReport struct {
	Seconds float64
	Parts   [7]float64 // seconds, see partNames
	PeakRSS float64    // bytes of a process
	Moments float64    // bytes of both moments in a process
	CPU     float64    // seconds of processor time of a process, the median
}

// partNames says of what a step consists. What processes do beside the backward pass is in its time too.
var partNames = [7]string{"forward and backward", "beside: wait", "beside: exchange", "beside: add", "behind: wait",
	"behind: exchange and add", "optimizer"}

// compareScale measures one process alone, as many of them at once that know nothing of each other, and those that
// train one model, in each mode. It prints a table for all models.
func compareScale(ctx context.Context, s setup) error {
	type mode struct {
		name            string
		ranks, programs int
		bucket          int
	}
	modes := []mode{{"1 process", 1, 1, 0}, {fmt.Sprintf("%d runs of 1 process at once", s.ranks), 1, s.ranks, 0},
		{fmt.Sprintf("%d processes, plain", s.ranks), s.ranks, 1, 0}}
	for _, text := range strings.Split(s.buckets, ",") {
		bucket, err := strconv.Atoi(text)
		if err != nil || bucket < 1 {
			return fmt.Errorf("-buckets: %q is no size in MiB above 0", text)
		}
		modes = append(modes, mode{fmt.Sprintf("%d processes, buckets of %d MiB", s.ranks, bucket), s.ranks, 1, bucket})
	}
	fmt.Printf("Batch %d, %d batches of a process a step, %d thread(s) a process, median of %d interleaved rounds of %d steps. "+
		"Efficiency: images per second of a process against those of 1 process, and against those of runs at once.\n\n",
		s.Model.Batch, s.accumulate, s.Threads, s.repeats, s.rounds)
	fmt.Printf("| model | | s a step | images/s | efficiency | at once | MB a process | MB of moments | processor s | %s |\n|---|---|%s\n",
		strings.Join(partNames[:], " | "), strings.Repeat("---:|", 7+len(partNames)))
	for _, arch := range strings.Split(s.archs, ",") {
		reports := map[string][]rankReport{}
		for range s.repeats {
			for _, m := range modes {
				r, err := s.measure(ctx, arch, m.ranks, m.programs, m.bucket)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", arch, m.name, err)
				}
				reports[m.name] = append(reports[m.name], r)
				fmt.Fprintf(os.Stderr, "%s, %s: %.3f s\n", arch, m.name, r.Seconds)
			}
		}
		median := func(m mode, of func(rankReport) float64) float64 {
			var x []float64
			for _, r := range reports[m.name] {
				x = append(x, of(r))
			}
			return worker.Median(x)
		}
		seconds := func(r rankReport) float64 { return r.Seconds }
		for _, m := range modes {
			step := median(m, seconds)
			fmt.Printf("| %s | %s | %.3f | %.2f | %.3f | %.3f | %.0f | %.0f | %.3f |", arch, m.name, step,
				float64(m.ranks*m.programs*s.accumulate*s.Model.Batch)/step, median(modes[0], seconds)/step,
				median(modes[1], seconds)/step, median(m, func(r rankReport) float64 { return r.PeakRSS / 1e6 }),
				median(m, func(r rankReport) float64 { return r.Moments / 1e6 }),
				median(m, func(r rankReport) float64 { return r.CPU }))
			for i := range partNames {
				fmt.Printf(" %.3f |", median(m, func(r rankReport) float64 { return r.Parts[i] }))
			}
			fmt.Println()
		}
	}
	return nil
}

// measure runs programs at once, each of as many ranks, and returns the mean of their reports.
func (s setup) measure(ctx context.Context, arch string, ranks, programs, bucket int) (rankReport, error) {
	self, err := os.Executable()
	if err != nil {
		return rankReport{}, err
	}
	args := []string{self, scaleRank, "-arch", arch}
	for name, value := range map[string]int{"size": s.Model.Size, "batch": s.Model.Batch, "threads": s.Threads,
		"rounds": s.rounds, "accumulate": s.accumulate, "bucket": bucket} {
		args = append(args, fmt.Sprintf("-%s=%d", name, value))
	}
	if ranks > 1 {
		args = append([]string{s.mpirun, "-n", strconv.Itoa(ranks)}, args...)
	}
	reports, errs := make([]rankReport, programs), make([]error, programs)
	var all sync.WaitGroup
	for i := range programs {
		all.Go(func() {
			c := exec.CommandContext(ctx, args[0], args[1:]...)
			c.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
				"OMPI_MCA_hwloc_base_binding_policy=none", "PRTE_MCA_hwloc_default_binding_policy=none",
				"OMPI_MCA_rmaps_base_oversubscribe=1", "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe")
			c.Stderr = os.Stderr
			out, err := c.Output()
			errs[i] = cmp.Or(err, json.Unmarshal(out, &reports[i]))
		})
	}
	all.Wait()
	return meanReport(reports), errors.Join(errs...)
}

func meanReport(reports []rankReport) (mean rankReport) {
	n := float64(len(reports))
	for _, r := range reports {
		mean.Seconds += r.Seconds / n
		mean.PeakRSS += r.PeakRSS / n
		mean.Moments += r.Moments / n
		mean.CPU += r.CPU / n
		for i := range r.Parts {
			mean.Parts[i] += r.Parts[i] / n
		}
	}
	return mean
}

// beScaleRank takes steps as a process of a training, and prints the report of all in the first.
func beScaleRank(ctx context.Context, s setup) error {
	g, err := collective.Open(ctx)
	if err != nil {
		return err
	}
	defer g.Recover()
	report, err := s.rank(ctx, g)
	if err != nil {
		g.Abort(err)
		return err
	}
	mine, err := json.Marshal(report)
	if err != nil {
		return err
	}
	all, err := g.GatherBytes(mine)
	if err != nil {
		return err
	}
	reports := make([]rankReport, g.Size())
	for i, text := range all {
		if err := json.Unmarshal(text, &reports[i]); err != nil {
			return err
		}
	}
	if g.Rank() == 0 {
		if err := json.NewEncoder(os.Stdout).Encode(meanReport(reports)); err != nil {
			return err
		}
	}
	if err := g.Close(); err != nil {
		return err
	}
	collective.Exit(0)
	return nil
}

func (s setup) rank(ctx context.Context, g *collective.Group) (r rankReport, err error) {
	c := s.Job.Config()
	c.Training.Accumulate, c.Runtime.Bucket = s.accumulate*g.Size(), s.bucket
	b, err := training.NewBench(ctx, c, worker.Classes, training.Experiment{Group: g})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	batches := worker.Noise(s.Model, 1)
	const warm = 2
	var steps []float64
	var used []float64
	for step := range warm + s.rounds {
		start := time.Now()
		before, err := processorTime()
		if err != nil {
			return r, err
		}
		if step < warm {
			r.Parts = [7]float64{}
		}
		first := g.Times()
		for range s.accumulate {
			if err := errors.Join(b.Stage(batches.Images[0], batches.Targets[0], 0, step), b.ForwardBackward()); err != nil {
				return r, err
			}
		}
		backward, middle := time.Now(), g.Times()
		if err := b.Update(int64(step+1), 1e-5); err != nil {
			return r, err
		}
		if _, err := b.Settle(); err != nil {
			return r, err
		}
		end, after := time.Now(), g.Times()
		behind := after.Wait - middle.Wait
		moved := after.Exchange - middle.Exchange + after.Add - middle.Add
		for i, d := range []time.Duration{backward.Sub(start), middle.Wait - first.Wait, middle.Exchange - first.Exchange,
			middle.Add - first.Add, behind, moved, end.Sub(backward) - behind - moved} {
			r.Parts[i] += d.Seconds() / float64(s.rounds)
		}
		if step >= warm {
			steps = append(steps, end.Sub(start).Seconds())
			now, err := processorTime()
			if err != nil {
				return r, err
			}
			used = append(used, now-before)
		}
	}
	r.Seconds, r.PeakRSS, r.Moments = worker.Median(steps), float64(worker.PeakRSS()), float64(b.MomentBytes())
	r.CPU = worker.Median(used)
	return r, nil
}
