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
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/cuda"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

var usable struct {
	sync.Mutex
	known bool
	err   error
}

// CheckCUDA says whether the library in use can compute on the first GPU of this machine: the error is the reason why
// it cannot, with what mends it. Loading NVIDIA's libraries and running a small model takes a second or so; the answer
// is kept for the process.
func CheckCUDA(ctx context.Context) error {
	usable.Lock()
	defer usable.Unlock()
	if usable.known {
		return usable.err
	}
	library := ort.InUse()
	if library == nil {
		return fmt.Errorf("checking CUDA: %w", ort.ErrNotLoaded)
	}
	err := checkCUDA(ctx, library)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	usable.known, usable.err = true, err
	return err
}

func checkCUDA(ctx context.Context, library *ort.Library) error {
	if err := readyForCUDA(ctx, library); err != nil {
		return err
	}
	if _, err := computeOnGPU(); err != nil {
		return gpuProblem(err, library)
	}
	return nil
}

// cudaFailure is what CUDA says, in the middle of the runtime's long errors.
var cudaFailure = regexp.MustCompile(`CUDA failure \d+: [^;]*[^; ]`)

// gpuProblem adds what mends the failure of a model on a GPU.
func gpuProblem(err error, library *ort.Library) error {
	devices, unknown := cuda.Devices()
	if unknown != nil {
		return driverProblem(unknown)
	}
	gpu := devices[0]
	slog.Debug("a small model on the GPU", "error", err)
	mend := "nvidia-smi may tell what is wrong with the GPU"
	text := err.Error()
	if words := cudaFailure.FindString(text); words != "" {
		text = words
	}
	if strings.Contains(text, "no kernel image") {
		if r, err := chooseRelease(0); err == nil {
			mend = installGPU(r.cuda)
		}
	}
	return problem(fmt.Errorf("a small model on %s (compute capability %d.%d) with %s (ONNX Runtime %s): %s",
		gpu.Name, gpu.Major, gpu.Minor, library.Path, library.Version, text), mend)
}

// readyForCUDA looks at all that a session with the CUDA provider needs, and loads NVIDIA's libraries for it. The
// runtime's own errors say little.
func readyForCUDA(ctx context.Context, library *ort.Library) error {
	if err := builtForCUDA(library); err != nil {
		return err
	}
	devices, err := cuda.Devices()
	if err != nil {
		return driverProblem(err)
	}
	if err := driverSuits(library, devices[0].Driver); err != nil {
		return err
	}
	return openNVIDIA(ctx, library.Path)
}

func builtForCUDA(library *ort.Library) error {
	name := fmt.Sprintf("%s (ONNX Runtime %s)", library.Path, library.Version)
	if !slices.Contains(library.Providers, cudaProvider) {
		return problem(fmt.Errorf("%s was built without CUDA", name), installGPU(0))
	}
	if _, err := os.Stat(providerOf(library.Path)); err != nil {
		return problem(fmt.Errorf("%s lacks its CUDA provider: %w", name, err), installGPU(0))
	}
	return nil
}

// driverProblem adds what mends it.
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
	return problem(err, "nvidia-smi may tell more; the driver may want to be updated, or the machine to be started again")
}

// driverSuits says whether a driver is new enough for the CUDA version that a library was built for. Within a major
// version every driver will do.
func driverSuits(library *ort.Library, driver int) error {
	n, err := needsOf(providerOf(library.Path))
	if err != nil {
		return problem(err, installGPU(0))
	}
	if n.cuda <= driver/1000 {
		return nil
	}
	mend := "update the driver"
	if older := driver / 1000; releaseFor(older) != nil {
		mend += ", or: " + installGPU(older)
	}
	return problem(fmt.Errorf("NVIDIA's driver offers CUDA %s, but %s (ONNX Runtime %s) was built for CUDA %d",
		cudaVersion(driver), library.Path, library.Version, n.cuda), mend)
}

// cudaVersion writes 12080 as 12.8.
func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// computeOnGPU runs a small model on the GPU and on the CPU, and returns the greatest difference. Kernels that the
// library does not have for the GPU are an error.
func computeOnGPU() (difference float64, err error) {
	model, err := smallModel()
	if err != nil {
		return 0, err
	}
	var results [2][]float32
	for i, provider := range []string{"cuda", "cpu"} {
		o := ort.Options{Provider: provider, Threads: 1}
		if provider == "cuda" {
			o.ProviderOptions = map[string]string{"use_tf32": "0"} // which rounds to 10 bits
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

// compute runs a model with the inputs a and b and the output y.
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

// smallModel is y = tanh(a · b), with a product of cuBLAS and a kernel of the provider.
func smallModel() ([]byte, error) {
	const side = 16
	value := func(name string) *pb.ValueInfoProto {
		dim := func() *pb.TensorShapeProto_Dimension {
			return &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: side}}
		}
		return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
			TensorType: &pb.TypeProto_Tensor{
				ElemType: proto.Int32(int32(pb.TensorProto_FLOAT)),
				Shape:    &pb.TensorShapeProto{Dim: []*pb.TensorShapeProto_Dimension{dim(), dim()}},
			},
		}}}
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
