package conformance

import (
	"encoding/binary"
	"math"

	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// Values are tensors by name.
type values map[string][]float64

// A runner runs a model on the CPU.
type runner struct {
	*ort.Session
	inputs map[string]*ort.Tensor
}

func open(model *pb.ModelProto, level ort.Level) (*runner, error) {
	data, err := onnx.Marshal(model)
	if err != nil {
		return nil, err
	}
	session, inputs, err := ort.NewBoundSession(data, ort.Options{Threads: 1, Optimization: level})
	if err != nil {
		return nil, err
	}
	return &runner{session, inputs}, nil
}

// evaluate gives every output to visit.
func (r *runner) evaluate(at values, visit func(info ort.Info, data []byte)) error {
	for name, t := range r.inputs {
		put(t, at[name])
	}
	return r.Evaluate(func(info ort.Info, data []byte) error {
		visit(info, data)
		return nil
	})
}

// run returns the outputs of floats.
func (r *runner) run(at values) (values, error) {
	out := values{}
	err := r.evaluate(at, func(info ort.Info, data []byte) {
		switch info.Type {
		case pb.TensorProto_FLOAT:
			for _, x := range numbers.Decode[float32](data) {
				out[info.Name] = append(out[info.Name], float64(x))
			}
		case pb.TensorProto_DOUBLE:
			out[info.Name] = append(out[info.Name], numbers.Decode[float64](data)...)
		}
	})
	return out, err
}

func put(t *ort.Tensor, x []float64) {
	data := t.Bytes()
	for i, v := range x {
		if t.Type() == pb.TensorProto_DOUBLE {
			binary.NativeEndian.PutUint64(data[8*i:], math.Float64bits(v))
		} else {
			binary.NativeEndian.PutUint32(data[4*i:], math.Float32bits(float32(v)))
		}
	}
}
