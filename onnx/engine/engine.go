package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strconv"

	"fovea/internal/progress"
	"fovea/onnx/cuda"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

// Settings say on which device and in which precision models run. The zero value runs in float32, on the GPU if one
// works, else on the CPU.
type Settings struct {
	Provider  string // "cpu", "cuda", or "auto" for CUDA where it works; "" is "auto"
	GPU       int    // index of the GPU for CUDA
	Threads   int    // of a session; 0: one a core
	Library   string // path of ONNX Runtime; "": it is searched for
	CUDAGraph bool   // training steps are recorded once and replayed; only on a GPU
	Precision string // "fp32", "tf32", "bf16", "fp16", or "auto" by the device; "" is "fp32"

	// NoBFloat16 makes "auto" choose fp16: operators of imported models have no bfloat16 kernels beside convolutions
	// (docs/precision.md).
	NoBFloat16 bool
}

// LevelInternals is the level at which the runtime logs its work.
const LevelInternals = ort.LevelInternals

// An Engine opens sessions on the device and in the precision that were chosen.
type Engine struct {
	options   ort.Options // of sessions that wait for each run
	version   string      // of ONNX Runtime
	precision string      // never "auto"
	record    bool        // training steps are replayed as CUDA graphs
	device    *Device     // nil: the CPU
}

// A Host describes what the last bits of a result depend on, beside the model and the data.
type Host struct {
	Runtime   string `json:"onnxruntime"` // version
	Provider  string `json:"provider"`
	Precision string `json:"precision"`
	Threads   int    `json:"threads"`
}

// LoadRuntime loads ONNX Runtime, fetching it if it is nowhere. A process loads one library, once.
func LoadRuntime(ctx context.Context, s Settings, report progress.Func) (*ort.Library, error) {
	return install.Load(ctx, install.Source{Library: s.Library, Provider: s.provider(), Progress: report})
}

// New loads ONNX Runtime and chooses provider and precision.
func New(ctx context.Context, s Settings, report progress.Func) (*Engine, error) {
	library, err := LoadRuntime(ctx, s, report)
	if err != nil {
		return nil, err
	}
	// The runtime's arena uses its memory again from step to step. The C library's heap would grow one part for every
	// thread that Go calls from.
	e := &Engine{version: library.Version, options: ort.Options{Provider: "cpu", Threads: s.Threads, Arena: true}}
	if s.Threads == 0 {
		e.options.Threads = runtime.GOMAXPROCS(0) // which heeds a container's share of the machine
	}
	if s.provider() != "cpu" {
		if err := e.useCUDA(ctx, s); err != nil {
			if s.provider() == "cuda" || ctx.Err() != nil {
				return nil, fmt.Errorf("runtime.provider cuda: %w", err)
			}
			explainCPU(library, err)
		}
	}
	e.choosePrecision(s)
	if s.CUDAGraph && e.device == nil {
		slog.Warn("there are no CUDA graphs on the CPU", "key", "runtime.cuda_graph")
	}
	return e, nil
}

// NCCL returns the path of NVIDIA's library that joins GPUs, for the runtime that was loaded.
func NCCL(ctx context.Context) string { return install.NCCL(ctx) }

func (s Settings) provider() string {
	if s.Provider == "" {
		return "auto"
	}
	return s.Provider
}

// explainCPU logs why provider "auto" means the CPU, on a machine that has a driver or a CUDA build of the runtime.
func explainCPU(library *ort.Library, reason error) {
	_, err := cuda.Devices()
	if errors.Is(err, cuda.ErrNoDriver) && !slices.Contains(library.Providers, "CUDAExecutionProvider") {
		return // a machine for the CPU
	}
	slog.Warn("CUDA does not work here, the CPU is used; `trainer doctor` tells more", "reason", reason)
}

// useCUDA makes sessions run on the GPU that was chosen.
func (e *Engine) useCUDA(ctx context.Context, s Settings) (err error) {
	if err := install.CheckCUDA(ctx, s.GPU); err != nil {
		return err
	}
	if e.device, err = openDevice(s.GPU); err != nil {
		return err
	}
	e.options.Provider, e.record = "cuda", s.CUDAGraph
	if s.CUDAGraph && olderRuntime(e.version, 31) {
		slog.Warn("ONNX Runtime before 1.31 waits for every replay and was not checked for what it keeps: "+
			"there are no CUDA graphs", "key", "runtime.cuda_graph", "onnxruntime", e.version)
		e.record = false
	}
	// By default the provider's arena doubles whenever it grows.
	e.options.ProviderOptions = map[string]string{"arena_extend_strategy": "kSameAsRequested", "use_tf32": "0",
		"device_id": strconv.Itoa(s.GPU)}
	return nil
}

// olderRuntime reports whether a version of ONNX Runtime is before 1.minor.
func olderRuntime(version string, minor int) bool {
	var major, have int
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &have)
	return n == 2 && major == 1 && have < minor
}

// choosePrecision decides what "auto" means, and falls back to a precision that the device has.
func (e *Engine) choosePrecision(s Settings) {
	switch e.precision = s.Precision; e.precision {
	case "":
		e.precision = "fp32"
	case "auto":
		switch {
		case e.device == nil || e.device.Info().Major < 7:
			e.precision = "fp32"
		case e.device.Info().Major == 7 || s.NoBFloat16:
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
		slog.Warn("the CPU has no "+e.precision+" arithmetic: it is emulated, which is slower than fp32",
			"key", "training.precision")
	}
	where := []any{"provider", e.options.Provider, "precision", e.precision, "onnxruntime", e.version}
	if e.device != nil {
		where = append(where, "gpu", e.device.Info().Name)
	}
	if e.device == nil {
		where = append(where, "threads", e.options.Threads)
	}
	slog.Info("runtime", where...)
}

// Close frees the device's streams.
func (e *Engine) Close() error { return e.device.close() }

// RenewDevice makes new streams. After a step that failed while it was recorded as a CUDA graph, the old ones cannot be
// used any more.
func (e *Engine) RenewDevice() error {
	if e.device == nil {
		return nil
	}
	d, err := openDevice(e.device.Info().Index)
	if err != nil {
		return err
	}
	e.device.close() // whatever it says: it may be the stream that fails
	e.device = d
	return nil
}

// Device returns the GPU, nil for the CPU.
func (e *Engine) Device() *Device { return e.device }

// Host describes the runtime and the device that the engine computes with.
func (e *Engine) Host() Host {
	return Host{Runtime: e.version, Provider: e.options.Provider, Precision: e.precision, Threads: e.options.Threads}
}

// SessionOptions returns the options of sessions that run on the device that the settings choose, for callers that open
// their own models, and what computes there. When ctx is done, their runs end.
func SessionOptions(ctx context.Context, s Settings, report progress.Func) (ort.Options, Host, error) {
	e, err := New(ctx, s, report)
	if err != nil {
		return ort.Options{}, Host{}, err
	}
	e.options.Context = ctx
	return e.options, e.Host(), e.Close()
}

// Options returns the options of sessions that wait for each run.
func (e *Engine) Options() ort.Options { return e.options }

// Configure changes the options of the sessions that are opened from now on.
func (e *Engine) Configure(change func(*ort.Options)) { change(&e.options) }

// Half returns the type that the engine's precision has beside float32, or float32 if there is none.
func (e *Engine) Half() pb.TensorProto_DataType { return HalfType(e.precision) }

// HalfType returns the type that a precision has beside float32, or float32 if there is none.
func HalfType(precision string) pb.TensorProto_DataType {
	switch precision {
	case "bf16":
		return pb.TensorProto_BFLOAT16
	case "fp16":
		return pb.TensorProto_FLOAT16
	}
	return pb.TensorProto_FLOAT
}

// Open makes a session of a model that the program built. Run waits for the result.
func (e *Engine) Open(model []byte) (*ort.Session, error) { return e.open(model, e.options) }

// OpenTraining makes a session like Open of a training step, but on the device's stream: Run only enqueues. The step
// may be recorded as a CUDA graph and replayed. signals, nil for none, are those that its nodes raise.
func (e *Engine) OpenTraining(model []byte, signals *ort.Signals) (*ort.Session, error) {
	o := e.options
	o.Signals = signals
	if e.device != nil {
		o.Stream = e.device.Compute
		if e.record {
			o.ProviderOptions = maps.Clone(o.ProviderOptions)
			o.ProviderOptions["enable_cuda_graph"] = "1"
		}
	}
	return e.open(model, o)
}

func (e *Engine) open(model []byte, o ort.Options) (*ort.Session, error) {
	if e.device == nil {
		// These optimizers would undo parts of graphs.Graph.Lower, and put a product's smaller operand first.
		o.Config = map[string]string{
			"optimization.disable_specified_optimizers": "MatmulTransposeFusion;GemmTransposeFusion;MatMulAddFusion"}
	}
	return ort.NewSession(model, o)
}
