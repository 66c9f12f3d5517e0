package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"

	"fovea/tools/worker"
)

// An imageJob is the first request of a process that decodes and augments images.
type imageJob struct {
	Dir  string `json:"dir"`
	Size int    `json:"size"` // of the crop's side, in pixels
}

// An imageRequest asks for one pass over the images of a kind.
type imageRequest struct {
	Kind   string `json:"kind"`
	Cached bool   `json:"cached"` // Fovea only: from the data.cache
}

// A pass is the answer to an imageRequest.
type pass struct {
	Images int     `json:"images"`
	CPU    float64 `json:"cpu"` // seconds of processor time
}

// compareData alternates our passes over generated images with torchvision's and timm's: RETFound's whole recipe, on
// one core.
func compareData(ctx context.Context, s setup) error {
	dir, err := os.MkdirTemp("", "fovea-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	job := imageJob{filepath.Join(dir, "images"), s.Model.Size}
	if err := writeImages(job.Dir, s.images); err != nil {
		return err
	}
	peer, err := python(s, "data_peer.py")(ctx)
	if err != nil {
		return err
	}
	if _, err := peer.Send(job); err != nil {
		return err
	}
	libraries, err := peer.Send(worker.Request{Versions: true})
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1) // the garbage collector has the core too
	loaders, err := newLoaders(ctx, job)
	if err != nil {
		return err
	}
	rates := map[string][]float64{}
	add := func(name string, p pass) { rates[name] = append(rates[name], float64(p.Images)/p.CPU) }
	for i := range s.rounds {
		for _, kind := range imageKinds {
			for _, cached := range []bool{false, true} {
				p, err := makePass(ctx, loaders[imageRequest{kind, cached}], i+1)
				if err != nil {
					return err
				}
				add(fmt.Sprintf("%t %s", cached, kind), p)
			}
			var p pass
			if err := peer.Ask(imageRequest{Kind: kind}, &p); err != nil {
				return err
			}
			add("peer "+kind, p)
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, s.rounds)
	}
	if err := peer.End(); err != nil {
		return err
	}

	versions := libraries.Versions
	fmt.Printf("decode, random crop to %d px, flip, RandAugment, erasing: images a second of one core, "+
		"median of %d interleaved passes over %d images\ntorchvision %s, timm %s, Pillow %s with libjpeg-turbo %s\n\n",
		s.Model.Size, s.rounds, s.images,
		versions["torchvision"], versions["timm"], versions["pillow"], versions["libjpeg-turbo"])
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "images\ttorchvision\tfovea\tratio\tcached\tratio\t")
	for _, kind := range imageKinds {
		them := worker.Median(rates["peer "+kind])
		us, cached := worker.Median(rates["false "+kind]), worker.Median(rates["true "+kind])
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t%.1f\t%.2f\t\n", kind, them, us, us/them, cached, cached/them)
	}
	return w.Flush()
}
