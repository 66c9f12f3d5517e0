package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"

	"fovea/graphs"
	"fovea/internal/progress"
	"fovea/onnx/cuda"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/training/config"
)

// engine makes sessions the way the config wants them.
type engine struct {
	options   ort.Options // of sessions that wait for what they run
	version   string      // of ONNX Runtime
	precision string      // a choice of training.precision, but not auto
	record    bool        // training steps are replayed as CUDA graphs
	graphs    bool        // the optimizer is one of graphs, see Experiment
	device    *device     // nil: the CPU
}

// loadRuntime loads ONNX Runtime, once.
func loadRuntime(ctx context.Context, r config.Runtime, report progress.Func) (*ort.Library, error) {
	return ort.Load(ctx, ort.Source{Library: r.Library, Provider: r.Provider, Progress: report})
}

// newEngine loads ONNX Runtime and chooses provider and precision.
func newEngine(ctx context.Context, c *config.Config, progress progress.Func) (*engine, error) {
	r := c.Runtime
	library, err := loadRuntime(ctx, r, progress)
	if err != nil {
		return nil, err
	}
	// With the runtime's arena its memory is used again from step to step. The C
	// library's heap would grow one part for every thread that Go calls from.
	e := &engine{version: library.Version, options: ort.Options{Provider: "cpu", Threads: r.Threads, Arena: true}}
	if r.Threads == 0 {
		e.options.Threads = runtime.GOMAXPROCS(0) // which heeds a container's share of the machine
	}
	if r.Provider != "cpu" {
		if err := e.useCUDA(ctx, r); err != nil {
			if r.Provider == "cuda" || ctx.Err() != nil {
				return nil, fmt.Errorf("runtime.provider cuda: %w", err)
			}
			e.explainCPU(library, err)
		}
	}
	e.choosePrecision(c)
	if r.CUDAGraph && e.device == nil {
		slog.Warn("there are no CUDA graphs on the CPU", "key", "runtime.cuda_graph")
	}
	return e, nil
}

// explainCPU says why runtime.provider "auto" means the CPU, where something is
// here that a GPU needs.
func (e *engine) explainCPU(library *ort.Library, reason error) {
	_, err := cuda.Devices()
	if errors.Is(err, cuda.ErrNoDriver) && !slices.Contains(library.Providers, "CUDAExecutionProvider") {
		return // a machine for the CPU
	}
	slog.Warn("CUDA does not work here, the CPU is used; `trainer doctor` tells more", "reason", reason)
}

// useCUDA makes sessions run on the first GPU.
func (e *engine) useCUDA(ctx context.Context, r config.Runtime) (err error) {
	if err := ort.CheckCUDA(ctx); err != nil {
		return err
	}
	if e.device, err = openDevice(); err != nil {
		return err
	}
	e.options.Provider, e.record = "cuda", r.CUDAGraph
	if r.CUDAGraph && olderRuntime(e.version, 31) {
		slog.Warn("ONNX Runtime before 1.31 waits for every replay and has not been looked at for what it keeps: there are no CUDA graphs",
			"key", "runtime.cuda_graph", "onnxruntime", e.version)
		e.record = false
	}
	// By default the provider's arena doubles whenever it grows.
	e.options.ProviderOptions = map[string]string{"arena_extend_strategy": "kSameAsRequested", "use_tf32": "0"}
	return nil
}

// olderRuntime tells whether a version of ONNX Runtime is before 1.minor.
func olderRuntime(version string, minor int) bool {
	var major, have int
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &have)
	return n == 2 && major == 1 && have < minor
}

// choosePrecision decides what "auto" is, and where the CPU takes the place of
// what only a GPU has.
func (e *engine) choosePrecision(c *config.Config) {
	if e.precision = c.Training.Precision; e.precision == "auto" {
		switch {
		case e.device == nil || e.device.Info().Major < 7:
			e.precision = "fp32"
		// Pooling and more have no kernel beside convolutions in bfloat16 (docs/precision.md).
		case e.device.Info().Major == 7 || c.Model.ONNX != "":
			e.precision = "fp16"
		default:
			e.precision = "bf16"
		}
	}
	switch {
	case e.device != nil && e.precision == "tf32":
		e.options.ProviderOptions["use_tf32"] = "1"
	case e.device == nil && e.precision == "tf32":
		slog.Warn("tf32 is a mode of NVIDIA's GPUs: on the CPU products are computed in full float32")
		e.precision = "fp32"
	case e.device == nil && e.precision != "fp32":
		slog.Warn("the CPU has no "+e.precision+" arithmetic: it is emulated, which is slower than fp32", "key", "training.precision")
	}
	where := []any{"provider", e.options.Provider, "precision", e.precision, "onnxruntime", e.version}
	if e.device != nil {
		where = append(where, "gpu", e.device.Info().Name)
	}
	slog.Info("runtime", where...)
}

func (e *engine) close() error { return e.device.close() }

// renewDevice takes new streams: a step that failed while it was recorded as a
// CUDA graph leaves the old ones unfit for more.
func (e *engine) renewDevice() error {
	if e.device == nil {
		return nil
	}
	d, err := openDevice()
	if err != nil {
		return err
	}
	e.device.close() // whatever it says: it may be the stream that fails
	e.device = d
	return nil
}

func (e *engine) host() host {
	return host{Runtime: e.version, Provider: e.options.Provider, Precision: e.precision, Threads: e.options.Threads}
}

// session makes a forward graph ready to run.
func (e *engine) session(g *graphs.Graph) (*ort.Session, error) {
	e.mix(g)
	return e.create(g, e.options)
}

// trainingSession makes a training graph ready to run on the device's stream,
// where Run only enqueues, or replays the CUDA graph that it recorded.
func (e *engine) trainingSession(g *graphs.Graph) (*ort.Session, error) {
	e.mix(g)
	o := e.onStream()
	if e.device != nil && e.record {
		o.ProviderOptions = maps.Clone(o.ProviderOptions)
		o.ProviderOptions["enable_cuda_graph"] = "1"
	}
	return e.create(g, o)
}

// onStream are the options of sessions whose Run only enqueues.
func (e *engine) onStream() ort.Options {
	o := e.options
	if e.device != nil {
		o.Stream = e.device.compute
	}
	return o
}

// mix rewrites a graph for the precision.
func (e *engine) mix(g *graphs.Graph) {
	if half := halfType(e.precision); e.device == nil {
		g.MixEmulated(half)
	} else {
		g.Mix(half)
	}
}

// halfType is the type that a choice of training.precision has beside float32.
func halfType(precision string) pb.TensorProto_DataType {
	switch precision {
	case "bf16":
		return graphs.BFloat16
	case "fp16":
		return graphs.Float16
	}
	return graphs.Float32
}

func (e *engine) create(g *graphs.Graph, o ort.Options) (*ort.Session, error) {
	if e.device == nil {
		g.ForCPU()
		// They would undo parts of that, and put a product's smaller operand first.
		o.Config = map[string]string{"optimization.disable_specified_optimizers": "MatmulTransposeFusion;GemmTransposeFusion;MatMulAddFusion"}
	}
	model, err := g.Marshal()
	if err != nil {
		return nil, err
	}
	return ort.NewSession(model, o)
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

// SessionOptions loads ONNX Runtime and says how sessions run on the provider
// that r chooses, in float32.
func SessionOptions(ctx context.Context, r config.Runtime, progress progress.Func) (ort.Options, error) {
	e, err := newEngine(ctx, &config.Config{Runtime: r, Training: config.Training{Precision: "fp32"}}, progress)
	if err != nil {
		return ort.Options{}, err
	}
	return e.options, e.close()
}
