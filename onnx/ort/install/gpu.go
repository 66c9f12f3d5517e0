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

// providerName returns the file name of the library that runs models on NVIDIA GPUs. The runtime opens it beside its
// own.
func providerName() string {
	if runtime.GOOS == "windows" {
		return "onnxruntime_providers_cuda.dll"
	}
	return "libonnxruntime_providers_cuda.so"
}

// providerOf returns the path of a library's CUDA provider. The file may not exist.
func providerOf(library string) string {
	// The runtime looks in the folder of the file, not in the folder of a link to it.
	if real, err := filepath.EvalSymlinks(library); err == nil {
		library = real
	}
	return filepath.Join(filepath.Dir(library), providerName())
}

// locateGPU returns the GPU build to use, or nil if the CPU's will do.
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
			return nil, problem(errors.Join(append([]error{missing}, unusable...)...), installGPUCommand(0))
		}
		return found, nil
	}
	return nil, fmt.Errorf("provider %q is none of cpu, cuda and auto", s.Provider)
}

// searchGPU returns the first library with a CUDA provider for which the driver is new enough, else the first with any.
// It also returns why others cannot be used.
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
			var r requirements
			if err == nil {
				r, err = requirementsOf(provider)
			}
			if err != nil {
				unusable = append(unusable, fmt.Errorf("found in %s but not usable: %w", c.origin, err))
				continue
			}
			if newest == 0 || r.cuda <= newest {
				return &c, unusable
			}
			if found == nil {
				found = &c
			}
		}
	}
	return found, unusable
}

// installGPUCommand returns the command that installs the GPU build for a version of CUDA. With version 0 that is the
// version that suits the driver.
func installGPUCommand(version int) string {
	switch {
	case runtime.GOOS != "linux":
		return "a build of ONNX Runtime for CUDA that runtime.library or " + EnvLibrary + " names"
	case version == 0:
		return "trainer runtime install -gpu"
	}
	return fmt.Sprintf("trainer runtime install -gpu -cuda %d", version)
}

// requirements lists the things that a CUDA provider needs on the machine.
type requirements struct {
	cuda      int      // major version
	libraries []string // those that it is linked against, such as libcublas.so.13
}

// requirementsOf reads the requirements from the provider's file, without loading it.
func requirementsOf(provider string) (requirements, error) {
	if runtime.GOOS == "windows" {
		return requirements{}, nil // the loader reports what is missing
	}
	linked, err := linkedAgainst(provider)
	if err != nil {
		return requirements{}, fmt.Errorf("%s is no usable shared library: %w", provider, err)
	}
	r := requirements{cudaOf(linked), linked}
	if r.cuda == 0 {
		return requirements{}, fmt.Errorf("%s is not linked against CUDA's runtime (libcudart): no CUDA provider",
			provider)
	}
	return r, nil
}

func linkedAgainst(library string) ([]string, error) {
	f, err := elf.Open(library)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ImportedLibraries()
}

// cudaOf returns the major version of CUDA's runtime among the libraries, or 0 if it is not among them.
func cudaOf(linked []string) int {
	for _, name := range linked {
		if stem, version := splitName(name); stem == "libcudart" {
			return version
		}
	}
	return 0
}

// splitName splits libcublas.so.13 and libnvrtc-builtins.so.13.5 into stem and major version. The version is 0 if the
// name has none.
func splitName(name string) (stem string, version int) {
	stem, rest, found := strings.Cut(name, ".so.")
	if !found {
		return strings.TrimSuffix(name, ".so"), 0
	}
	fmt.Sscanf(rest, "%d", &version)
	return stem, version
}
