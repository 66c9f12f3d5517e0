package install

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"fovea/onnx/cuda"
)

const cudaProvider = "CUDAExecutionProvider"

// providerName is the file name of the library that runs models on NVIDIA GPUs, which the runtime opens beside its own.
func providerName() string {
	if runtime.GOOS == "windows" {
		return "onnxruntime_providers_cuda.dll"
	}
	return "libonnxruntime_providers_cuda.so"
}

// providerOf is the path of a library's CUDA provider. It may not exist.
func providerOf(library string) string {
	// The runtime looks where the file is, not where a link to it is.
	if real, err := filepath.EvalSymlinks(library); err == nil {
		library = real
	}
	return filepath.Join(filepath.Dir(library), providerName())
}

// locateGPU returns the GPU build to use, or nil where the CPU's will do.
func locateGPU(ctx context.Context, s Source) (*candidate, error) {
	switch s.Provider {
	case "", "cpu":
		return nil, nil
	case "auto":
		if _, err := cuda.Devices(); err != nil {
			slog.Debug("no GPU build of ONNX Runtime is looked for", "reason", err)
			return nil, nil
		}
		found, _ := searchGPU(ctx)
		return found, nil
	case "cuda":
		found, unusable := searchGPU(ctx)
		if found == nil {
			missing := errors.New("no ONNX Runtime for NVIDIA GPUs was found")
			return nil, problem(errors.Join(append([]error{missing}, unusable...)...), installGPU(0))
		}
		return found, nil
	}
	return nil, fmt.Errorf("provider %q is none of cpu, cuda and auto", s.Provider)
}

// searchGPU looks for a build with the CUDA provider: the first that the driver is new enough for, else the first. It
// returns why others were passed over.
func searchGPU(ctx context.Context) (found *candidate, unusable []error) {
	newest := 0
	if devices, err := cuda.Devices(); err == nil {
		newest = devices[0].Driver / 1000
	}
	for _, place := range []func(context.Context) []candidate{inGPUCache, inPython, inSystem} {
		for _, c := range place(ctx) {
			provider := providerOf(c.path)
			if _, err := os.Stat(provider); err != nil {
				continue // a build for the CPU
			}
			_, err := probe(c.path)
			var needs needs
			if err == nil {
				needs, err = needsOf(provider)
			}
			if err != nil {
				unusable = append(unusable, fmt.Errorf("found in %s but not usable: %w", c.origin, err))
				continue
			}
			if newest == 0 || needs.cuda <= newest {
				return &c, unusable
			}
			if found == nil {
				found = &c
			}
		}
	}
	return found, unusable
}

// installGPU is the command that installs the GPU build for a CUDA version, 0 for what suits the driver.
func installGPU(version int) string {
	switch {
	case runtime.GOOS != "linux":
		return "a build of ONNX Runtime for CUDA that runtime.library or " + EnvLibrary + " names"
	case version == 0:
		return "trainer runtime install -gpu"
	}
	return fmt.Sprintf("trainer runtime install -gpu -cuda %d", version)
}

// needs is what a CUDA provider asks of the machine.
type needs struct {
	cuda      int      // major version
	libraries []string // those that it is linked against, such as libcublas.so.13
}

// needsOf reads it from the provider's file, without loading it.
func needsOf(provider string) (needs, error) {
	if runtime.GOOS == "windows" {
		return needs{}, nil // the loader tells
	}
	linked, err := linkedAgainst(provider)
	if err != nil {
		return needs{}, fmt.Errorf("%s is no usable shared library: %w", provider, err)
	}
	n := needs{cudaOf(linked), linked}
	if n.cuda == 0 {
		return needs{}, fmt.Errorf("%s is not linked against CUDA's runtime (libcudart): no CUDA provider", provider)
	}
	return n, nil
}

func linkedAgainst(library string) ([]string, error) {
	f, err := elf.Open(library)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ImportedLibraries()
}

// cudaOf is the version of CUDA's runtime among the libraries, 0 if there is none.
func cudaOf(linked []string) int {
	for _, name := range linked {
		if stem, version := splitName(name); stem == "libcudart" {
			return version
		}
	}
	return 0
}

// splitName splits libcublas.so.13 and libnvrtc-builtins.so.13.5 into stem and major version, 0 if it has none.
func splitName(name string) (stem string, version int) {
	stem, rest, found := strings.Cut(name, ".so.")
	if !found {
		return strings.TrimSuffix(name, ".so"), 0
	}
	fmt.Sscanf(rest, "%d", &version)
	return stem, version
}
