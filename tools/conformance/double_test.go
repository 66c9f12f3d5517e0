package conformance

import (
	"google.golang.org/protobuf/proto"

	"fovea/internal/numbers"
	"fovea/onnx"
	"fovea/onnx/pb"
)

const single, wide = int32(pb.TensorProto_FLOAT), int32(pb.TensorProto_DOUBLE)

// double returns the model with float64 in place of float32.
func double(m *pb.ModelProto) (*pb.ModelProto, error) {
	m = proto.Clone(m).(*pb.ModelProto)
	return m, widen(m.Graph)
}

// widen replaces float32 by float64 in a graph and in the graphs inside it.
func widen(g *pb.GraphProto) error {
	for _, list := range [][]*pb.ValueInfoProto{g.Input, g.Output, g.ValueInfo} {
		for _, v := range list {
			if t := v.GetType().GetTensorType(); t.GetElemType() == single {
				t.ElemType = proto.Int32(wide)
			}
		}
	}
	for _, t := range g.Initializer {
		if err := widenTensor(t); err != nil {
			return err
		}
	}
	for _, n := range g.Node {
		for _, a := range n.Attribute {
			var err error
			switch {
			case a.GetName() == "to" && a.GetI() == int64(single):
				a.I = proto.Int64(int64(wide))
			case a.GetT() != nil:
				err = widenTensor(a.T)
			case a.GetG() != nil:
				err = widen(a.G)
			case n.GetOpType() == "Constant" && a.GetName() == "value_float":
				err = constantTensor(a, nil, []float32{a.GetF()})
			case n.GetOpType() == "Constant" && a.GetName() == "value_floats":
				err = constantTensor(a, []int64{int64(len(a.Floats))}, a.Floats)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// constantTensor sets the value of a Constant node to a tensor of float64.
func constantTensor(a *pb.AttributeProto, shape []int64, x []float32) error {
	t, err := onnx.NewTensor("", pb.TensorProto_DOUBLE, shape, doubles(x))
	*a = pb.AttributeProto{Name: proto.String("value"), Type: pb.AttributeProto_TENSOR.Enum(), T: t}
	return err
}

func widenTensor(t *pb.TensorProto) error {
	if t.GetDataType() != single {
		return nil
	}
	data, err := onnx.Data(t)
	if err != nil {
		return err
	}
	t.DataType, t.FloatData = proto.Int32(wide), nil
	return onnx.SetData(t, doubles(numbers.Decode[float32](data)))
}

func doubles(x []float32) []byte { return numbers.Encode(float64s(x)) }
