// Bench measures one training step of a ViT or of an imported model, in time and memory, and what makes
// its images.
//
//	go run ./tools/bench step      # beside PyTorch's, interleaved; needs tools/oracle/requirements.txt
//	go run ./tools/bench profile   # where the time goes, by operator
//	go run ./tools/bench imported -arch resnet50  # both for the ONNX file of a torchvision model
//	go run ./tools/bench data      # decoding and augmentation beside torchvision's and timm's
//	go run ./tools/bench memory    # node order and memory pattern, by peak memory
//	go run ./tools/bench recompute # values of training.recompute, by time and peak memory
//
// Every measurement runs in a process of its own, so that its peak memory is
// that of the whole process: graph, session, activations, optimizer state.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
)

// setup is the model and the step that are measured.
type setup struct {
	arch          string
	size, batch   int
	threads       int
	rounds        int
	python        string // of the peer
	shuffle       bool
	memoryPattern bool
	recompute     string // training.recompute
	profile       string
	adamw         string // of the peer
	images        int    // of each kind, for data
	dir           string // of them
	model         string // file that takes the place of arch
	batchNorm     string // in that file
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, setup) error{
		"step": compareStep, "profile": profile, "memory": compareMemory, "recompute": compareRecompute, "worker": work,
		"imported": compareImported, "data": compareData, "data-worker": workData,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("usage: bench step|profile|imported|memory|recompute|data [flags]; bench step -h lists the flags")
	}
	var s setup
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	flags.StringVar(&s.arch, "arch", "vit_base_patch16", "model")
	flags.IntVar(&s.size, "size", 224, "image side in pixels")
	flags.IntVar(&s.batch, "batch", 8, "images a step")
	flags.IntVar(&s.threads, "threads", runtime.NumCPU(), "threads of either side")
	flags.IntVar(&s.rounds, "rounds", 9, "measured steps")
	flags.StringVar(&s.python, "python", "python3", "interpreter with PyTorch and timm")
	flags.StringVar(&s.adamw, "adamw", "default", "PyTorch's optimizer: default, foreach or fused")
	flags.BoolVar(&s.shuffle, "shuffle", false, "random node order (worker)")
	flags.BoolVar(&s.memoryPattern, "memory-pattern", false, "the runtime's memory pattern (worker)")
	flags.StringVar(&s.recompute, "recompute", "none", "training.recompute")
	flags.StringVar(&s.profile, "profile", "", "prefix of the runtime's profile (worker)")
	flags.IntVar(&s.images, "images", 16, "images of each kind (data)")
	flags.StringVar(&s.dir, "dir", "", "folder of the images (data-worker)")
	flags.StringVar(&s.batchNorm, "batch-norm", "folded", "batch normalisations in the exported file: folded or kept (imported)")
	flags.StringVar(&s.model, "model", "", "ONNX file in place of -arch (worker)")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	return commands[args[0]](ctx, s)
}
