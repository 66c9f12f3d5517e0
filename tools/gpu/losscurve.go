package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"fovea/tools/worker"
	"fovea/training"
)

// Limits of the difference of two losses: on the mean over the steps, and on the largest. A half precision is also
// allowed a multiple of the distance between PyTorch's own curves in that precision and in float32.
const (
	curveMean    = 0.002
	curveLargest = 0.02
	halfMean     = 0.01
	halfLargest  = 0.1
	spreads      = 2
)

// A curve has the losses of two trainings in one precision.
type curve struct {
	precision    string
	ours, theirs []float64
}

// lossCurve trains beside PyTorch.
func lossCurve(ctx context.Context, s *section) error {
	if s.Python == "" {
		return skip("no -python")
	}
	m, steps := s.Sizes.Curve, s.Sizes.Steps
	j, err := s.curveJob(ctx, m)
	if err != nil {
		return err
	}
	rates := make([]float64, steps)
	for i := range rates { // a linear warm-up, then half a cosine
		warm := float64(steps) / 10
		done := max(0, float64(i)-warm) / (float64(steps) - warm)
		rates[i] = 5e-4 * min(float64(i)/warm, 0.5+0.5*math.Cos(math.Pi*done))
	}
	s.table(fmt.Sprintf("%s: %d steps over %d batches of photographs from the same random weights, "+
		"AdamW with a layer-wise decay of %g, no drop-path.", m, steps, j.Count, j.LayerDecay),
		"precision", "mean difference", "largest", "PyTorch's own from its fp32: mean", "largest",
		"limits: mean", "largest", "losses", "")
	var curves []curve
	var peerFP32 []float64
	for _, p := range append([]string{"fp32"}, s.precisions("tf32", "bf16", "fp16")...) {
		j.Precision = p
		ours, err := worker.Measure(ctx, worker.StartFovea, j, worker.Request{Rates: rates})
		if err != nil {
			s.require(false, "%s: %v", p, err)
			continue
		}
		theirs, err := worker.Measure(ctx, s.peer(), j, worker.Request{Rates: rates})
		if err != nil {
			s.require(false, "PyTorch, %s: %v", p, err)
			continue
		}
		s.progress("%s: %d steps in %.1f s, PyTorch's in %.1f s", p, steps, ours[0].Seconds, theirs[0].Seconds)
		c := curve{p, ours[0].Losses, theirs[0].Losses}
		curves = append(curves, c)
		if p == "fp32" {
			peerFP32 = c.theirs
		}
		s.judgeCurve(c, peerFP32)
	}
	if curves == nil {
		return nil
	}
	if err := plotCurves(filepath.Join(s.Out, "loss.png"), curves); err != nil {
		return err
	}
	s.note("The curves are in loss.png.")
	return nil
}

// curveJob writes what both sides train from: batches, and the parameters that a run of Fovea begins with.
func (s *section) curveJob(ctx context.Context, m worker.Model) (worker.Job, error) {
	j := s.job(m, "fp32")
	j.DropPath = 0
	j.LayerDecay = 0.9 // RETFound's 0.65 would leave the lower layers nearly where they are
	b, err := s.photographs(ctx, m, 16)
	if err != nil {
		return j, err
	}
	j.Count, j.Batches = len(b.Images), filepath.Join(s.folder, "batches.f32")
	if err := b.Write(j.Batches); err != nil {
		return j, err
	}
	artifacts := filepath.Join(s.folder, "artifacts")
	j.Weights = filepath.Join(artifacts, "model.safetensors")
	c := s.config(m, "fp32")
	c.Runtime.Provider = "cpu"
	return j, training.WriteArtifacts(ctx, c, artifacts)
}

// judgeCurve compares a curve; peerFP32, PyTorch's in float32, may be nil.
func (s *section) judgeCurve(c curve, peerFP32 []float64) {
	mean, largest := differences(c.ours, c.theirs)
	limitMean, limitLargest := curveMean, curveLargest
	ownMean, ownLargest := "", ""
	short := func(x float64) string { return fmt.Sprintf("%.1e", x) }
	if c.precision != "fp32" {
		limitMean, limitLargest = halfMean, halfLargest
		if peerFP32 != nil {
			a, b := differences(c.theirs, peerFP32)
			ownMean, ownLargest = short(a), short(b)
			limitMean, limitLargest = max(halfMean, spreads*a), max(halfLargest, spreads*b)
		}
	}
	s.judge(mean <= limitMean && largest <= limitLargest,
		fmt.Sprintf("%s: losses differ by %.1e on the mean, by %.1e at most", c.precision, mean, largest),
		c.precision, short(mean), short(largest), ownMean, ownLargest, short(limitMean), short(limitLargest),
		fmt.Sprintf("%.3f to %.3f", c.ours[0], c.ours[len(c.ours)-1]))
}

// plotCurves draws the losses of both programs in every precision.
func plotCurves(path string, curves []curve) error {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text, p.Legend.Top = "step", "training loss", true
	var lines []any
	for _, c := range curves {
		lines = append(lines, "Fovea "+c.precision, points(c.ours), "PyTorch "+c.precision, points(c.theirs))
	}
	if err := plotutil.AddLines(p, lines...); err != nil {
		return err
	}
	return p.Save(20*vg.Centimeter, 15*vg.Centimeter, path)
}

func points(losses []float64) plotter.XYs {
	list := make(plotter.XYs, len(losses))
	for i, loss := range losses {
		list[i] = plotter.XY{X: float64(i + 1), Y: loss}
	}
	return list
}
