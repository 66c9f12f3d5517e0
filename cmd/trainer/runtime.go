package main

import (
	"context"
	"fmt"
	"strings"

	"fovea/onnx/ort/install"
)

func runtimeCommand(a *app) *command {
	o := install.Options{Progress: a.console.update}
	g := install.GPUOptions{Progress: a.console.update, Begin: a.printGPUPlan}
	var gpu bool
	return &command{
		name:     "runtime",
		summary:  "fetch and verify the ONNX Runtime library",
		synopsis: []string{"trainer runtime install [-from FILE|URL]", "trainer runtime install -gpu [-cuda 12|13] [-cudnn]"},
		text: `
Fetches the ONNX Runtime library for this machine into the user's cache, verifies it against a SHA-256 in this program,
and prints its path. Training does the same by itself when it finds no library. With a library in the cache it needs no
network.
`,
		flags: []flagEntry{
			{&o.From, "from", "FILE|URL", `take the library from there: a shared library, a Python wheel, a zip file or a .tgz
				of ONNX Runtime's releases. For a URL of an unknown library add #sha256=HEX`},
			{&gpu, "gpu", "", `fetch the build for NVIDIA GPUs, in addition to the one for the CPU, and the libraries of
				NVIDIA that it needs (cuBLAS, cuRAND, the CUDA runtime, NVRTC), unless Python or the system has them.
				Linux only; 0.8 GB for CUDA 13, 2 GB for CUDA 12`},
			{&g.CUDA, "cuda", "12|13", `version of CUDA (default: the newest that the driver offers and that has code for the
				GPU; 13 where there is no driver)`},
			{&g.CuDNN, "cudnn", "", `fetch cuDNN too (0.5 GB). Imported models with convolutions need it on a GPU, a ViT does
				not. CUDA 12 comes with it`},
		},
		notes: `
-gpu downloads with pip, and uses its settings (index, proxy, certificates). Nothing is installed into Python. After an
interruption the same command continues with what is missing.

runtime.provider "cuda" then uses this library, as does "auto" where there is a GPU. NVIDIA's libraries are looked for in
LD_LIBRARY_PATH, the cache, Python's packages and the system's folders.

FOVEA_ORT=PATH, or runtime.library in a config, names a library for one run and installs nothing.
`,
		examples: "trainer runtime install\ntrainer runtime install -gpu -cuda 12",
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			switch {
			case len(operands) == 0:
				return badUsage("missing what to do: trainer runtime install")
			case operands[0] != "install":
				return badUsage("%w", suggest(fmt.Errorf("unknown command %q", operands[0]), operands[0], []string{"install"}))
			case len(operands) > 1:
				return badUsage("unexpected argument %q", operands[1])
			case gpu && o.From != "":
				return badUsage("-from is for the CPU's library; -gpu fetches several with pip, as pip is configured")
			case !gpu && (g.CUDA != 0 || g.CuDNN):
				return badUsage("-cuda and -cudnn go with -gpu")
			}
			var path string
			var err error
			if gpu {
				path, err = install.GPU(ctx, g)
			} else {
				path, err = install.CPU(ctx, o)
			}
			if err == nil {
				fmt.Fprintln(a.stdout, path)
			}
			return err
		},
	}
}

// printGPUPlan shows what an installation for GPUs is about to do.
func (a *app) printGPUPlan(p install.GPUPlan) {
	a.console.line(fmt.Sprintf("ONNX Runtime %s for CUDA %d", p.Version, p.CUDA))
	for _, l := range p.Present {
		a.console.line(fmt.Sprintf("%s is here: %s (%s)", l.Name, l.Path, l.Origin))
	}
	if len(p.Fetch) > 0 {
		a.console.line(fmt.Sprintf("to fetch: %s; %d MB, %d MB on the disk",
			strings.Join(p.Fetch, ", "), p.Download/1e6, p.Disk/1e6))
	}
}
