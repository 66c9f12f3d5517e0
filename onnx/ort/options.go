package ort

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"time"

	yalue "github.com/yalue/onnxruntime_go"

	"fovea/onnx/cuda"
)

// A Level says how far the runtime rewrites a graph before it runs.
type Level int

// The runtime's levels. The zero value is All, as it is the runtime's default.
const (
	All      Level = iota // Extended, and layout changes
	Extended              // Basic, and fusions into operators of the provider
	Basic                 // constant folding, removal of what has no effect
	Disable               // the graph as it is
)

// Options say how a session runs. The zero value runs on the CPU with all cores, all optimisations, no memory pattern
// and no arena.
type Options struct {
	Provider      string // "cpu" or "" for the CPU, "cuda" for a GPU
	Threads       int    // threads inside an operator; 0 means one for each core
	Optimization  Level
	MemoryPattern bool // plan one block of memory for a run: it takes more memory and saves no time
	// Arena keeps the CPU memory of intermediate values between runs instead of giving it back to the C library.
	Arena bool
	// Profile, if not empty, is a file prefix: the session writes its operators' times to a file that
	// [Session.EndProfile] names.
	Profile string
	// Config has session configuration entries; the runtime's header onnxruntime_session_options_config_keys.h lists
	// them.
	Config map[string]string
	// Stream, for cuda, is the stream on which runs are enqueued; see [Session.Run]. With nil the provider uses its
	// own, and Run waits.
	Stream *cuda.Stream
	// Context, if not nil, ends a run that it finds under way when it is done: Run and Evaluate return its cause. Runs
	// that only enqueue are not ended. On the CPU the opening of the session returns its cause likewise.
	Context context.Context
	// Longest, if not 0, is the time after which a run is ended with an error.
	Longest time.Duration
	// Signals, if not nil, are those that nodes of the model raise. They are closed after the session.
	Signals *Signals
	// ProviderOptions are options of the provider, such as "use_tf32": "0" for cuda. There "device_id" is the index of the
	// GPU; without it, it is the first.
	ProviderOptions map[string]string

	optimized string // file to save the optimised model in, for CheckPlacement
}

func (o Options) cuda() bool { return strings.EqualFold(o.Provider, "cuda") }

// native returns the runtime's own options. The caller destroys them.
func (o Options) native() (*yalue.SessionOptions, error) {
	levels := map[Level]yalue.GraphOptimizationLevel{
		All: yalue.GraphOptimizationLevelEnableAll, Extended: yalue.GraphOptimizationLevelEnableExtended,
		Basic: yalue.GraphOptimizationLevelEnableBasic, Disable: yalue.GraphOptimizationLevelDisableAll,
	}
	level, ok := levels[o.Optimization]
	if !ok {
		return nil, fmt.Errorf("optimization level %d does not exist", o.Optimization)
	}
	if o.Threads < 0 {
		return nil, fmt.Errorf("threads: %d is negative", o.Threads)
	}
	threads := cmp.Or(o.Threads, runtime.GOMAXPROCS(0)) // which heeds a container's share of the machine

	native, err := yalue.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	steps := []func() error{
		func() error { return native.SetGraphOptimizationLevel(level) },
		func() error { return native.SetIntraOpNumThreads(threads) },
		func() error { return native.SetMemPattern(o.MemoryPattern) },
		func() error { return native.SetCpuMemArena(o.Arena) },
		func() error { return o.addConfig(native) },
		func() error { return o.addProvider(native) },
	}
	if o.Profile != "" {
		steps = append(steps, func() error { return native.EnableProfiling(o.Profile) })
	}
	if o.optimized != "" {
		steps = append(steps, func() error { return native.SetOptimizedModelFilePath(o.optimized) })
	}
	if o.Signals != nil {
		steps = append(steps, func() error { return o.Signals.add(native) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			native.Destroy()
			return nil, err
		}
	}
	return native, nil
}

// disabledOptimizers is the key for the optimizers that are left out, separated by semicolons.
const disabledOptimizers = "optimization.disable_specified_optimizers"

func (o Options) addConfig(native *yalue.SessionOptions) error {
	config := maps.Clone(o.Config)
	if config == nil {
		config = map[string]string{}
	}
	// Pad_Fusion, at least up to 1.27, lets MaxPool ignore zeros that a Pad in front of it puts around negative
	// numbers.
	config[disabledOptimizers] = strings.TrimPrefix(config[disabledOptimizers]+";Pad_Fusion", ";")
	for key, value := range config {
		if err := native.AddSessionConfigEntry(key, value); err != nil {
			return fmt.Errorf("configuration entry %s=%s: %w", key, value, err)
		}
	}
	return nil
}

func (o Options) addProvider(native *yalue.SessionOptions) error {
	switch strings.ToLower(o.Provider) {
	case "", "cpu":
		if len(o.ProviderOptions) > 0 {
			return fmt.Errorf("provider cpu takes no options, but %d are given", len(o.ProviderOptions))
		}
		return nil
	case "cuda":
	default:
		return fmt.Errorf("provider %q is unknown: cpu or cuda", o.Provider)
	}
	options, err := yalue.NewCUDAProviderOptions()
	if err != nil {
		return fmt.Errorf("provider cuda: %w", err)
	}
	defer options.Destroy()
	settings := maps.Clone(o.ProviderOptions)
	if o.Stream != nil {
		if settings == nil {
			settings = map[string]string{}
		}
		settings["has_user_compute_stream"] = "1"
		settings["user_compute_stream"] = strconv.FormatUint(uint64(o.Stream.Handle()), 10)
	}
	if err := options.Update(settings); err != nil {
		return fmt.Errorf("provider cuda: options %v: %w", settings, err)
	}
	if err := native.AppendExecutionProviderCUDA(options); err != nil {
		return fmt.Errorf("provider cuda: %w", err)
	}
	return nil
}
