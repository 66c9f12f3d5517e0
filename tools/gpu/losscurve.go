package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
)

// Limits of the difference of two losses: on the mean over the steps, and on the
// largest. A half precision is also allowed a multiple of the distance between
// PyTorch's own curves in that precision and in float32.
const (
	curveMean    = 0.002
	curveLargest = 0.02
	halfMean     = 0.01
	halfLargest  = 0.1
	spreads      = 2
)

// lossCurve trains beside PyTorch.
func lossCurve(ctx context.Context, s *section) error {
	if s.Python == "" {
		return skip("no -python")
	}
	m, steps := s.Sizes.Curve, s.Sizes.Steps
	b, err := s.photographs(ctx, m, 16)
	if err != nil {
		return err
	}
	j, err := s.files(ctx, m, b)
	if err != nil {
		return err
	}
	j.LayerDecay = 0.9 // RETFound's 0.65 would leave the lower layers nearly where they are
	rates := make([]float64, steps)
	for i := range rates { // a linear warm-up, then half a cosine
		warm := float64(steps) / 10
		rates[i] = 5e-4 * min(float64(i)/warm, 0.5+0.5*math.Cos(math.Pi*max(0, float64(i)-warm)/(float64(steps)-warm)))
	}
	s.table(fmt.Sprintf("%s: %d steps over %d batches of photographs from the same random weights, AdamW with a layer-wise decay of %g, no drop-path.", m, steps, b.count, j.LayerDecay),
		"precision", "mean difference", "largest", "PyTorch's own from its fp32: mean", "largest", "limits: mean", "largest", "losses", "")
	var curves []curve
	var peerFP32 []float64
	for _, p := range append([]string{"fp32"}, s.precisions("tf32", "bf16", "fp16")...) {
		j.Precision = p
		ours, err := s.curve(ctx, j, rates, startOurs)
		if err != nil {
			s.require(false, "%s: %v", p, err)
			continue
		}
		theirs, err := s.curve(ctx, j, rates, s.startPeer)
		if err != nil {
			s.require(false, "PyTorch, %s: %v", p, err)
			continue
		}
		curves = append(curves, curve{"Fovea " + p, ours}, curve{"PyTorch " + p, theirs})
		if p == "fp32" {
			peerFP32 = theirs
		}
		s.judgeCurve(p, ours, theirs, peerFP32)
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

// judgeCurve compares; peerFP32 may be nil.
func (s *section) judgeCurve(precision string, ours, theirs, peerFP32 []float64) {
	mean, largest := apart(ours, theirs)
	limitMean, limitLargest := curveMean, curveLargest
	own := [2]string{"", ""}
	if precision != "fp32" {
		limitMean, limitLargest = halfMean, halfLargest
		if peerFP32 != nil {
			a, b := apart(theirs, peerFP32)
			own = [2]string{fmt.Sprintf("%.1e", a), fmt.Sprintf("%.1e", b)}
			limitMean, limitLargest = max(halfMean, spreads*a), max(halfLargest, spreads*b)
		}
	}
	ok := mean <= limitMean && largest <= limitLargest
	s.row(precision, fmt.Sprintf("%.1e", mean), fmt.Sprintf("%.1e", largest), own[0], own[1], fmt.Sprintf("%.1e", limitMean),
		fmt.Sprintf("%.1e", limitLargest), fmt.Sprintf("%.3f to %.3f", ours[0], ours[len(ours)-1]), verdictOf(ok))
	s.require(ok, "%s: losses differ by %.1e on the mean, by %.1e at most", precision, mean, largest)
}

func (s *section) curve(ctx context.Context, j job, rates []float64, start func(context.Context) (*process, error)) ([]float64, error) {
	p, err := start(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := p.ask(j); err != nil {
		return nil, err
	}
	a, err := p.ask(request{Rates: rates})
	if err != nil {
		return nil, err
	}
	s.progress("%s %s: %d steps in %.1f s", filepath.Base(p.cmd.Path), j.Precision, len(rates), a.Seconds)
	return a.Losses, p.end()
}

// apart is the mean and the largest difference.
func apart(a, b []float64) (mean, largest float64) {
	for i := range a {
		d := math.Abs(a[i] - b[i])
		mean += d / float64(len(a))
		if further(d, largest) {
			largest = d
		}
	}
	return mean, largest
}
