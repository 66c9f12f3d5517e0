package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fovea/onnx/ort/install"
	"fovea/training/config"
)

func runRuntime(a *app, ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "install" {
		return a.installRuntime(ctx, args[1:])
	}
	fs := a.newFlags("runtime")
	if err := fs.Parse(args); err == nil && fs.NArg() > 0 {
		err := fmt.Errorf("unknown command %q", fs.Arg(0))
		if n := config.Nearest(fs.Arg(0), []string{"install"}); n != "" {
			err = fmt.Errorf("%w, did you mean %s?", err, n)
		}
		return &usageError{"runtime", err}
	}
	if err := parse(fs, args); err != nil {
		return err
	}
	return &usageError{"runtime", errors.New("missing what to do: trainer runtime install")}
}

func (a *app) installRuntime(ctx context.Context, args []string) error {
	fs := a.newFlags("runtime")
	from := fs.String("from", "", "file or URL of the library or of an archive with it")
	gpu := fs.Bool("gpu", false, "the build for NVIDIA GPUs, and what of NVIDIA's it needs")
	version := fs.Int("cuda", 0, "with -gpu: version of CUDA, 12 or 13")
	cudnn := fs.Bool("cudnn", false, "with -gpu: cuDNN too")
	if err := parse(fs, args); err != nil {
		return err
	}
	switch {
	case *gpu && *from != "":
		return &usageError{"runtime", errors.New("-from is for the CPU's library; "+
			"-gpu fetches several with pip, as pip is configured")}
	case !*gpu && (*version != 0 || *cudnn):
		return &usageError{"runtime", errors.New("-cuda and -cudnn go with -gpu")}
	case *gpu:
		return a.installGPU(ctx, install.GPUOptions{CUDA: *version, CuDNN: *cudnn})
	}
	path, err := install.CPU(ctx, install.Options{From: *from, Progress: a.console.update})
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, path)
	return nil
}

func (a *app) installGPU(ctx context.Context, o install.GPUOptions) error {
	o.Begin = func(p install.GPUPlan) {
		a.console.line(fmt.Sprintf("ONNX Runtime %s for CUDA %d", p.Version, p.CUDA))
		for _, l := range p.Present {
			a.console.line(fmt.Sprintf("%s is here: %s (%s)", l.Name, l.Path, l.Origin))
		}
		if len(p.Fetch) > 0 {
			a.console.line(fmt.Sprintf("to fetch: %s; %d MB, %d MB on the disk",
				strings.Join(p.Fetch, ", "), p.Download/1e6, p.Disk/1e6))
		}
	}
	o.Progress = a.console.update
	path, err := install.GPU(ctx, o)
	a.console.endTask()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, path)
	return nil
}
