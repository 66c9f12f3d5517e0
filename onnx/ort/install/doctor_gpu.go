package install

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"fovea/onnx/cuda"
)

// A GPUReport tells which GPUs this machine has and whether sessions can compute on them.
type GPUReport struct {
	None      string        // why there is no GPU; empty if there is one
	Devices   []Device      // the GPUs that the driver shows
	CUDA      int           // major version that the library in use was built for, 0: for none
	Libraries []CUDALibrary // NVIDIA's libraries that it uses
	Session   string        // result of a small session on the first GPU; empty if none was made
}

// A Device is a GPU that the driver shows.
type Device struct {
	cuda.Info
	FreeMemory int64 // bytes, -1 if the driver does not tell
}

// lookAtGPU fills in the report's GPU, if the provider allows one. Problems with it are notes where training would use
// the CPU instead.
func (r *Report) lookAtGPU(ctx context.Context, provider string) {
	devices, err := cuda.Devices()
	if err != nil {
		r.GPU.None = err.Error()
	}
	for _, info := range devices {
		r.GPU.Devices = append(r.GPU.Devices, Device{info, freeMemory(info.Index)})
	}
	note := func(err error) {
		p := asProblem(err, "nvidia-smi may tell what is wrong with the GPU")
		if provider == "cuda" {
			r.Problems = append(r.Problems, p)
		} else {
			r.Notes = append(r.Notes, p)
		}
	}
	if err != nil && provider == "cuda" {
		note(driverProblem(err))
	}
	cudaWanted := provider == "cuda" || provider == "auto" && err == nil
	if !cudaWanted || r.Library == nil {
		return
	}
	if err := builtForCUDA(r.Library); err != nil {
		note(err)
		return
	}
	wanted, err := requirementsOf(providerOf(r.Library.Path))
	if err != nil {
		note(problem(err, installGPUCommand(0)))
		return
	}
	r.GPU.CUDA = wanted.cuda
	r.GPU.Libraries = findLibraries(wanted.libraryList(), wanted.cuda, places(ctx, r.Library.Path, wanted.cuda))
	ready := devices != nil
	for _, l := range r.GPU.Libraries {
		if l.Path == "" && l.Required {
			note(problem(errors.New(l.missing()), installGPUCommand(wanted.cuda)))
			ready = false
		}
	}
	for _, path := range damaged(wanted.cuda) {
		note(problem(fmt.Errorf("%s is damaged", path), installGPUCommand(wanted.cuda)))
		ready = false
	}
	if ready {
		if err := r.tryCUDA(ctx); err != nil {
			r.GPU.Session = "fails"
			note(err)
		}
	}
}

// tryCUDA runs a small model on the GPU and compares its result with the CPU's.
func (r *Report) tryCUDA(ctx context.Context) error {
	if err := CheckCUDA(ctx, 0); err != nil {
		return err
	}
	difference, err := compareWithCPU(0)
	if err != nil {
		return err
	}
	if !(difference <= 1e-4) { // so that NaN is an error too
		return fmt.Errorf("a small model on %s differs by %.2g from the CPU", r.GPU.Devices[0].Name, difference)
	}
	r.GPU.Session = fmt.Sprintf("works, a small model differs by %.1g from the CPU", difference)
	return nil
}

func freeMemory(index int) int64 {
	d, err := cuda.Open(index)
	if err != nil {
		return -1
	}
	defer d.Close()
	free, _, err := d.Free()
	if err != nil {
		return -1
	}
	return free
}

// damaged returns the cached libraries for a version of CUDA that may not be loaded.
func damaged(version int) []string {
	cache, err := cacheFolder()
	if err != nil {
		return nil
	}
	paths, _ := filepath.Glob(filepath.Join(quotePattern(cache), "*"+cudaFolder(version), systemFolder, "lib*.so*"))
	var found []string
	for _, path := range paths {
		if !strings.HasSuffix(path, sumSuffix) && checkCached(path) != nil {
			found = append(found, path)
		}
	}
	return found
}

// lines calls line with the name and the text of each fact.
func (g GPUReport) lines(line func(name, format string, a ...any)) {
	if g.None != "" {
		line("gpu", "none (%s)", strings.ReplaceAll(g.None, "\n", " "))
	}
	for _, d := range g.Devices {
		memory := fmt.Sprintf("%.1f GB", float64(d.Memory)/1e9)
		if d.FreeMemory >= 0 {
			memory = fmt.Sprintf("%.1f of %s free", float64(d.FreeMemory)/1e9, memory)
		}
		line("gpu", "%d: %s, compute capability %d.%d, %s", d.Index, d.Name, d.Major, d.Minor, memory)
	}
	if len(g.Devices) > 0 {
		line("driver", "offers CUDA %s", cudaVersion(g.Devices[0].Driver))
	}
	if g.CUDA == 0 {
		return
	}
	line("cuda", "%d, which the library was built for", g.CUDA)
	for _, l := range g.Libraries {
		switch {
		case l.Path != "":
			line("", "%s (%s)", l.Path, l.Origin)
		case l.Required:
			line("", "%s", l.missing())
		case strings.HasPrefix(l.Name, "libcudnn"):
			line("", "no cuDNN (%s): models with convolutions need it, a ViT does not; %s -cudnn",
				l.Name, installGPUCommand(g.CUDA))
		case strings.HasPrefix(l.Name, "libnvrtc"):
			line("", "no %s: cuBLAS and cuDNN compile kernels for some GPUs with it; %s",
				l.Name, installGPUCommand(g.CUDA))
		}
	}
	if g.Session != "" {
		line("cuda session", "%s", g.Session)
	}
}

// verdict tells which processor training will use.
func (g GPUReport) verdict() string {
	if len(g.Devices) > 0 && g.Session == "" || g.Session == "fails" {
		return "ready, on the CPU"
	}
	return "ready"
}
