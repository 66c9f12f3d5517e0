package training

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	"fovea/graphs"
	"fovea/onnx/ort"
	"fovea/training/config"
)

// engine makes sessions the way the config wants them.
type engine struct {
	options  ort.Options
	version  string // of ONNX Runtime
	fallback bool   // the provider was chosen here: the CPU may take its place
}

const cudaProvider = "CUDAExecutionProvider"

// loadRuntime loads ONNX Runtime, once.
func loadRuntime(ctx context.Context, r config.Runtime, progress func(Update)) (*ort.Library, error) {
	report := reporter(progress, "fetch ONNX Runtime", "bytes")
	return ort.Load(ctx, ort.Source{Library: r.Library, Progress: func(done, total int64) {
		report(int(done), int(total), "")
	}})
}

// newEngine loads ONNX Runtime and chooses the provider.
func newEngine(ctx context.Context, r config.Runtime, progress func(Update)) (*engine, error) {
	library, err := loadRuntime(ctx, r, progress)
	if err != nil {
		return nil, err
	}
	if r.Threads == 0 {
		r.Threads = runtime.GOMAXPROCS(0) // which heeds a container's share of the machine
	}
	// With the runtime's arena its memory is used again from step to step. The C
	// library's heap would grow one part for every thread that Go calls from.
	e := &engine{version: library.Version,
		options: ort.Options{Provider: r.Provider, Threads: r.Threads, Arena: true}}
	if r.Provider == "auto" {
		e.options.Provider = "cpu"
		if slices.Contains(library.Providers, cudaProvider) {
			e.options.Provider, e.fallback = "cuda", true
		}
	}
	return e, nil
}

func (e *engine) host() host {
	return host{Runtime: e.version, Provider: e.options.Provider, Threads: e.options.Threads}
}

// session makes a graph ready to run.
func (e *engine) session(g *graphs.Graph) (*ort.Session, error) {
	return e.create(func(o ort.Options) (*ort.Session, error) {
		if o.Provider == "cpu" {
			g.ForCPU()
			// They would undo parts of that, and put a product's smaller operand first.
			o.Config = map[string]string{"optimization.disable_specified_optimizers": "MatmulTransposeFusion;GemmTransposeFusion;MatMulAddFusion"}
		}
		model, err := g.Marshal()
		if err != nil {
			return nil, err
		}
		return ort.NewSession(model, o)
	})
}

// open makes a model file ready to run.
func (e *engine) open(path string) (*ort.Session, error) {
	return e.create(func(o ort.Options) (*ort.Session, error) { return ort.OpenSession(path, o) })
}

func (e *engine) create(make func(ort.Options) (*ort.Session, error)) (*ort.Session, error) {
	s, err := make(e.options)
	if err != nil && e.fallback {
		slog.Warn("CUDA does not work here, the CPU is used; `trainer doctor` tells more", "reason", err)
		e.options.Provider, e.fallback = "cpu", false
		s, err = make(e.options)
	}
	if err != nil {
		return nil, fmt.Errorf("runtime.provider %s: %w", e.options.Provider, err)
	}
	e.fallback = false
	return s, nil
}

// bindTensor gives an input or output of s memory of its own, of the shape that
// the model states with its symbolic dimensions set to batch.
func bindTensor(s *ort.Session, info ort.Info, batch int64) (*ort.Tensor, error) {
	shape := slices.Clone(info.Shape)
	for i, d := range shape {
		if d < 0 {
			shape[i] = batch
		}
	}
	t, err := ort.NewTensor(info.Type, shape...)
	if err != nil {
		return nil, err
	}
	return t, s.Bind(info.Name, t)
}
