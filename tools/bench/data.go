package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
)

// pass is what a worker, ours or the peer, says of one pass over the images of
// a kind.
type pass struct {
	Images int     `json:"images"`
	CPU    float64 `json:"cpu"` // seconds of processor time
}

func (p pass) rate() float64 { return float64(p.Images) / p.CPU }

// compareData alternates our passes over generated images with torchvision's
// and timm's: RETFound's whole recipe, on one core.
func compareData(ctx context.Context, s setup) error {
	dir, err := os.MkdirTemp("", "fovea-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.dir = filepath.Join(dir, "images")
	if err := writeImages(s.dir, s.images); err != nil {
		return err
	}
	ours, err := startData(ctx, s)
	if err != nil {
		return err
	}
	peer, err := start(ctx, s.python, "tools/bench/data_peer.py", "--dir", s.dir, "--size", strconv.Itoa(s.size))
	if err != nil {
		return err
	}
	rates := map[string][]float64{}
	for i := range s.rounds {
		for _, kind := range imageKinds {
			for name, worker := range map[string]*process{"uncached ": ours, "cached ": ours, "peer ": peer} {
				request := kind
				if name == "cached " {
					request = "cached " + kind
				}
				var p pass
				if err := worker.ask(request, &p); err != nil {
					return err
				}
				rates[name+kind] = append(rates[name+kind], p.rate())
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, s.rounds)
	}
	if _, err := ours.quit(); err != nil {
		return err
	}
	b, err := peer.quit()
	if err != nil {
		return err
	}

	fmt.Printf("decode, random crop to %d px, flip, RandAugment, erasing: images a second of one core, median of %d interleaved passes "+
		"over %d images\ntorchvision %s, timm %s, Pillow %s with libjpeg-turbo %s\n\n", s.size, s.rounds, s.images,
		b.Versions["torchvision"], b.Versions["timm"], b.Versions["pillow"], b.Versions["libjpeg-turbo"])
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "images\ttorchvision\tfovea\tratio\tcached\tratio\t")
	for _, kind := range imageKinds {
		them := middle(rates["peer "+kind])
		us, cached := middle(rates["uncached "+kind]), middle(rates["cached "+kind])
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t%.1f\t%.2f\t\n", kind, them, us, us/them, cached, cached/them)
	}
	return w.Flush()
}

// startData starts our worker with one processor, its garbage collector
// included.
func startData(ctx context.Context, s setup) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, "env", "GOMAXPROCS=1", self, "data-worker", "-size", strconv.Itoa(s.size),
		"-dir", s.dir)
}

func middle(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}
