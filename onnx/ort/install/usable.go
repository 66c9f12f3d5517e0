package install

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/cuda"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

var usable struct {
	sync.Mutex
	known bool
	err   error
}

// CheckCUDA returns the reason why the library in use cannot compute on the GPU of an index, with the command
// that mends it, or nil if it can. It loads NVIDIA's libraries and runs a small model, which takes about a second. The
// answer is kept for the process, which uses one GPU.
func CheckCUDA(ctx context.Context, gpu int) error {
	usable.Lock()
	defer usable.Unlock()
	if usable.known {
		return usable.err
	}
	library := ort.InUse()
	if library == nil {
		return fmt.Errorf("checking CUDA: %w", ort.ErrNotLoaded)
	}
	err := checkCUDA(ctx, library, gpu)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	usable.known, usable.err = true, err
	return err
}

func checkCUDA(ctx context.Context, library *ort.Library, gpu int) error {
	if err := prepareCUDA(ctx, library); err != nil {
		return err
	}
	if _, err := compareWithCPU(gpu); err != nil {
		return gpuProblem(err, library, gpu)
	}
	return nil
}

// cudaError finds CUDA's own message in the runtime's long errors.
var cudaError = regexp.MustCompile(`CUDA failure \d+: [^;]*[^; ]`)

// gpuProblem explains why a model failed on the GPU and adds the command that mends it.
func gpuProblem(err error, library *ort.Library, index int) error {
	devices, unknown := cuda.Devices()
	if unknown != nil {
		return driverProblem(unknown)
	}
	gpu := devices[min(index, len(devices)-1)]
	slog.Debug("a small model on the GPU", "error", err)
	mend := "nvidia-smi may tell what is wrong with the GPU"
	text := err.Error()
	if words := cudaError.FindString(text); words != "" {
		text = words
	}
	if strings.Contains(text, "no kernel image") {
		if r, err := chooseRelease(0); err == nil {
			mend = installGPUCommand(r.CUDA)
		}
	}
	return problem(fmt.Errorf("a small model on %s (compute capability %d.%d) with %s (ONNX Runtime %s): %s",
		gpu.Name, gpu.Major, gpu.Minor, library.Path, library.Version, text), mend)
}

// prepareCUDA checks everything that a session with the CUDA provider needs and loads NVIDIA's libraries for it. The
// runtime's own errors say little.
func prepareCUDA(ctx context.Context, library *ort.Library) error {
	if err := builtForCUDA(library); err != nil {
		return err
	}
	devices, err := cuda.Devices()
	if err != nil {
		return driverProblem(err)
	}
	if err := checkDriver(library, devices[0].Driver); err != nil {
		return err
	}
	return openNVIDIA(ctx, library.Path)
}

func builtForCUDA(library *ort.Library) error {
	name := fmt.Sprintf("%s (ONNX Runtime %s)", library.Path, library.Version)
	if !slices.Contains(library.Providers, cudaProvider) {
		return problem(fmt.Errorf("%s was built without CUDA", name), installGPUCommand(0))
	}
	if _, err := os.Stat(providerOf(library.Path)); err != nil {
		return problem(fmt.Errorf("%s lacks its CUDA provider: %w", name, err), installGPUCommand(0))
	}
	return nil
}

// driverProblem adds to an error of the driver what the user can do about it.
func driverProblem(err error) error {
	switch {
	case runtime.GOOS != "linux":
		return problem(err, "train on Linux, or with runtime.provider=cpu")
	case errors.Is(err, cuda.ErrNoDriver):
		return problem(err, "install it, 580 or newer for CUDA 13, 525 or newer for CUDA 12; "+
			"a container has to be started with the GPUs (docker run --gpus all)")
	case errors.Is(err, cuda.ErrNoDevice):
		return problem(err, "nvidia-smi lists those that there are; CUDA_VISIBLE_DEVICES may hide them")
	}
	return problem(err, "nvidia-smi may tell more; "+
		"the driver may want to be updated, or the machine to be started again")
}

// checkDriver returns an error if the driver is too old for the CUDA version that a library was built for. Within a
// major version every driver is new enough.
func checkDriver(library *ort.Library, driver int) error {
	r, err := requirementsOf(providerOf(library.Path))
	if err != nil {
		return problem(err, installGPUCommand(0))
	}
	if r.cuda <= driver/1000 {
		return nil
	}
	mend := "update the driver"
	if older := driver / 1000; releaseFor(older) != nil {
		mend += ", or: " + installGPUCommand(older)
	}
	return problem(fmt.Errorf("NVIDIA's driver offers CUDA %s, but %s (ONNX Runtime %s) was built for CUDA %d",
		cudaVersion(driver), library.Path, library.Version, r.cuda), mend)
}

// cudaVersion returns 12.8 for 12080.
func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// compareWithCPU runs a small model on a GPU and on the CPU, and returns the greatest difference. It is an error if
// the library has no kernels for the GPU.
func compareWithCPU(gpu int) (difference float64, err error) {
	model, err := smallModel()
	if err != nil {
		return 0, err
	}
	var results [2][]float32
	for i, provider := range []string{"cuda", "cpu"} {
		o := ort.Options{Provider: provider, Threads: 1}
		if provider == "cuda" {
			o.ProviderOptions = map[string]string{"device_id": strconv.Itoa(gpu),
				"use_tf32": "0"} // TF32 rounds to 10 bits
		}
		if results[i], err = compute(model, o); err != nil {
			return 0, err
		}
	}
	for i, y := range results[0] {
		difference = max(difference, math.Abs(float64(y-results[1][i])))
	}
	return difference, nil
}

// compute runs a model with the inputs a and b and returns its output y.
func compute(model []byte, o ort.Options) (result []float32, err error) {
	s, inputs, err := ort.NewBoundSession(model, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for first, name := range []string{"a", "b"} {
		values := inputs[name].Float32()
		for k := range values {
			values[k] = float32(math.Sin(float64(first + k)))
		}
	}
	y, err := ort.NewTensor(pb.TensorProto_FLOAT, s.Outputs()[0].Shape...)
	if err != nil {
		return nil, err
	}
	defer y.Close()
	if err := errors.Join(s.Bind("y", y), s.Run()); err != nil {
		return nil, err
	}
	return slices.Clone(y.Float32()), nil
}

// smallModel returns a model of y = tanh(a · b). The product is computed by cuBLAS and tanh by a kernel of the
// provider.
func smallModel() ([]byte, error) {
	value := func(name string) *pb.ValueInfoProto {
		return onnx.NewValueInfo(name, pb.TensorProto_FLOAT, []int64{16, 16})
	}
	node := func(op, inputs, output string) *pb.NodeProto {
		return &pb.NodeProto{OpType: &op, Input: strings.Fields(inputs), Output: []string{output}}
	}
	return proto.Marshal(&pb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
		Graph: &pb.GraphProto{
			Name:   proto.String("small"),
			Node:   []*pb.NodeProto{node("MatMul", "a b", "product"), node("Tanh", "product", "y")},
			Input:  []*pb.ValueInfoProto{value("a"), value("b")},
			Output: []*pb.ValueInfoProto{value("y")},
		},
	})
}
