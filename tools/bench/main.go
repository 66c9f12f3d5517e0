// Bench measures one training step of a ViT or of an imported model, in time and memory, and what makes its images.
//
//	go run ./tools/bench step      # beside PyTorch's, interleaved; needs tools/oracle/requirements.txt
//	go run ./tools/bench profile   # where the time goes, by operator
//	go run ./tools/bench imported -arch resnet50  # both for the ONNX file of a torchvision model
//	go run ./tools/bench data      # decoding and augmentation beside torchvision's and timm's
//	go run ./tools/bench memory    # node order and memory pattern, by peak memory
//	go run ./tools/bench recompute # values of training.recompute, by time and peak memory
//	go run ./tools/bench adaptation -arch vit_large_patch16 -batch 4  # LoRA beside fine-tuning
//	go run ./tools/bench scale -threads 1 -mpirun MPIRUN  # several processes against as many times one
//
// Every measurement runs in a process of its own, so that its peak memory is that of the whole process: graph, session,
// activations, optimizer state.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"fovea/tools/worker"
)

// A setup is the step that is measured, and how.
type setup struct {
	worker.Job
	rounds int
	python string // interpreter of the peer
	images int    // of each kind, for data

	adaptations string // separated by commas, the first the measure of the others

	// of scale
	mpirun, archs, buckets             string
	ranks, accumulate, repeats, bucket int
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
		"step": compareStep, "profile": profile, "memory": compareMemory, "recompute": compareRecompute,
		"adaptation": compareAdaptations,
		"imported":   compareImported, "data": compareData,
		"scale": compareScale, scaleRank: beScaleRank,
		worker.Command: func(ctx context.Context, _ setup) error { return worker.Serve(ctx, os.Stdin, os.Stdout) },
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New("usage: bench step|profile|imported|memory|recompute|adaptation|data|scale [flags]; " +
			"bench step -h lists the flags")
	}
	s := setup{Job: worker.Job{Device: "cpu", Precision: "fp32", DropPath: 0.2, LayerDecay: 0.65, Count: 1}}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	flags.StringVar(&s.Model.Arch, "arch", "vit_base_patch16", "model")
	flags.IntVar(&s.Model.Size, "size", 224, "image side in pixels")
	flags.IntVar(&s.Model.Batch, "batch", 8, "images a step")
	flags.IntVar(&s.Threads, "threads", runtime.NumCPU(), "threads of either side")
	flags.IntVar(&s.rounds, "rounds", 9, "measured steps")
	flags.StringVar(&s.python, "python", "python3", "interpreter with PyTorch and timm")
	flags.StringVar(&s.AdamW, "adamw", "default", "PyTorch's optimizer: default, foreach or fused")
	flags.StringVar(&s.Recompute, "recompute", "none", "training.recompute")
	flags.StringVar(&s.Adaptation, "adaptation", "finetune", "model.adaptation")
	flags.StringVar(&s.adaptations, "adaptations", "finetune,lora", "values of model.adaptation (adaptation)")
	flags.IntVar(&s.images, "images", 16, "images of each kind (data)")
	flags.StringVar(&s.BatchNorm, "batch-norm", "folded",
		"batch normalisations in the exported file: folded or kept (imported)")
	flags.StringVar(&s.mpirun, "mpirun", "mpirun", "of Open MPI or MPICH (scale)")
	flags.StringVar(&s.archs, "archs", "vit_small_patch16,vit_base_patch16", "models, separated by commas (scale)")
	flags.StringVar(&s.buckets, "buckets", "8", "values of runtime.bucket, separated by commas (scale)")
	flags.IntVar(&s.ranks, "ranks", 2, "processes (scale)")
	flags.IntVar(&s.accumulate, "accumulate", 1, "batches of a process in a step (scale)")
	flags.IntVar(&s.repeats, "repeats", 3, "rounds over all modes (scale)")
	flags.IntVar(&s.bucket, "bucket", 0, "runtime.bucket (scale-rank)")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	s.Model.Name = s.Model.Arch
	return commands[args[0]](ctx, s)
}
