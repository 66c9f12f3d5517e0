package randomgraphs

import (
	"encoding/binary"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// values are tensors of floats by name.
type values map[string][]float64

// A session runs a model on one thread.
type session struct {
	*ort.Session
	inputs map[string]*ort.Tensor
}

func open(model *pb.ModelProto, level ort.Level) (*session, error) {
	data, err := onnx.Marshal(model)
	if err != nil {
		return nil, err
	}
	s, inputs, err := ort.NewBoundSession(data, ort.Options{Threads: 1, Optimization: level})
	if err != nil {
		return nil, err
	}
	return &session{s, inputs}, nil
}

// fill gives the inputs the elements of at, and the others those of rest.
func (s *session) fill(at values, rest map[string]*pb.TensorProto) error {
	for name, t := range s.inputs {
		if x, ok := at[name]; ok {
			copy(t.Bytes(), elementsOf(t.Type(), x))
		} else if known := rest[name]; known != nil {
			data, err := onnx.Data(known)
			if err != nil {
				return err
			}
			copy(t.Bytes(), data)
		}
	}
	return nil
}

// run computes every output.
func (s *session) run() (map[string]*pb.TensorProto, error) {
	out := map[string]*pb.TensorProto{}
	err := s.Evaluate(func(info ort.Info, data []byte) error {
		out[info.Name] = &pb.TensorProto{Name: proto.String(info.Name), DataType: proto.Int32(int32(info.Type)),
			Dims:    info.Shape,
			RawData: append([]byte{}, data...)}
		return nil
	})
	return out, err
}

// once runs a model a single time.
func once(model *pb.ModelProto, level ort.Level, at values,
	rest map[string]*pb.TensorProto) (map[string]*pb.TensorProto, error) {
	s, err := open(model, level)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.fill(at, rest); err != nil {
		return nil, err
	}
	return s.run()
}

// elementsOf returns numbers as elements of float32 or float64.
func elementsOf(kind pb.TensorProto_DataType, x []float64) (out []byte) {
	for _, v := range x {
		if kind == pb.TensorProto_DOUBLE {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
		} else {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
		}
	}
	return out
}

// floats returns the elements of a tensor of floats, nil of another.
func floats(t *pb.TensorProto) (out []float64) {
	data, err := onnx.Data(t)
	if err != nil {
		return nil
	}
	switch pb.TensorProto_DataType(t.GetDataType()) {
	case pb.TensorProto_FLOAT:
		for b := range slices.Chunk(data, 4) {
			out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
	case pb.TensorProto_DOUBLE:
		for b := range slices.Chunk(data, 8) {
			out = append(out, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	}
	return out
}

func largest(x []float64) (size float64) {
	for _, v := range x {
		if !(math.Abs(v) <= size) { // NaN too
			size = math.Abs(v)
		}
	}
	return size
}
