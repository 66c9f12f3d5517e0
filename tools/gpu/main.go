// Gpu checks and measures training on an NVIDIA GPU, for its owner:
//
//	go run ./tools/gpu verify -python PYTHON -out FOLDER
//
// It compares numbers with the CPU's and with PyTorch's, tries what a user does (interrupting, resuming, asking for too
// much memory), measures speed and memory beside PyTorch in the same run, and writes FOLDER/verify.json and
// FOLDER/verify.md. PYTHON has torch and timm. Without it, the comparisons with PyTorch are skipped. The exit code is 1
// if a section failed. docs/gpu.md says more.
//
// Each section runs in a process of its own, and so does each program that is measured. A crash stops nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"fovea/tools/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gpu:", err)
		os.Exit(1)
	}
}

// Commands of the processes that this program starts of itself.
const (
	sectionCommand = "section"
	workerCommand  = worker.Command
)

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: gpu verify [flags]; gpu verify -h lists the flags")
	}
	switch args[0] {
	case "verify":
		s, err := parse(args[1:])
		if err != nil {
			return err
		}
		return verify(ctx, s)
	case sectionCommand:
		return runSection(ctx, args[1:])
	case workerCommand:
		return worker.Serve(ctx, os.Stdin, os.Stdout)
	}
	return fmt.Errorf("unknown command %q: it is verify", args[0])
}
