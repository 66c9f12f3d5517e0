package graphs_test

import (
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/tools/cudastub"
)

// TestHalfKernelsOnCUDA: the CUDA provider runs every operator that a graph of mixed precision has in half precision,
// at the lowest opset that graphs are written in and at the one to which they may be raised.
func TestHalfKernelsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for _, opset := range []int64{20, 22} {
			for _, half := range []pb.TensorProto_DataType{graphs.Float16, graphs.BFloat16} {
				keys := graphs.HalfKernels(half, opset)
				slices.Sort(keys)
				for _, key := range keys {
					if err := ort.CheckPlacement(single(t, key, half, opset)); err != nil {
						t.Errorf("%s in %s, opset %d: %v", key, half, opset, err)
					}
				}
				t.Logf("%s, opset %d: %d operators", half, opset, len(keys))
			}
		}
	})
}

// single returns a model of one node of an operator.
func single(t *testing.T, key string, half pb.TensorProto_DataType, opset int64) []byte {
	g := graphs.Imported("single", "v_", 10, map[string]int64{"": opset})
	op, microsoft := strings.CutPrefix(key, graphs.Microsoft+".")
	domain := ""
	if microsoft {
		domain = graphs.Microsoft
	}
	x := func(shape ...int64) *graphs.Value { return g.Input(string(rune('a'+len(g.Inputs))), half, shape...) }
	n := &graphs.Node{Op: op, Domain: domain, Attributes: graphs.Attributes{}}
	result := half
	switch op {
	case "MatMul", "FusedMatMul", "Gemm":
		n.Inputs = []*graphs.Value{x(8, 8), x(8, 8)}
	case "Einsum":
		n.Inputs, n.Attributes["equation"] = []*graphs.Value{x(8, 8), x(8, 8)}, "ij,jk->ik"
	case "Conv", "ConvTranspose":
		n.Inputs = []*graphs.Value{x(2, 4, 8, 8), x(4, 4, 3, 3)}
	case "Add", "Sub", "Mul", "Div", "Sum", "Max", "Min", "Concat":
		n.Inputs = []*graphs.Value{x(2, 8), x(2, 8)}
		if op == "Concat" {
			n.Attributes["axis"] = int64(1)
		}
	case "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual":
		n.Inputs, result = []*graphs.Value{x(2, 8), x(2, 8)}, graphs.Bool
	case "IsNaN", "IsInf":
		n.Inputs, result = []*graphs.Value{x(2, 8)}, graphs.Bool
	case "LayerNormalization":
		n.Inputs = []*graphs.Value{x(2, 8), x(8), x(8)}
	case "AveragePool", "MaxPool":
		n.Inputs, n.Attributes["kernel_shape"] = []*graphs.Value{x(2, 4, 8, 8)}, []int64{2, 2}
	case "DepthToSpace", "SpaceToDepth":
		n.Inputs, n.Attributes["blocksize"] = []*graphs.Value{x(2, 4, 8, 8)}, int64(2)
	case "Where":
		n.Inputs = []*graphs.Value{g.Input("condition", graphs.Bool, 2, 8), x(2, 8), x(2, 8)}
	case "Reshape", "Expand", "Tile", "Split":
		n.Inputs = []*graphs.Value{x(2, 8), g.Ints(2, 8)}
		if op == "Split" {
			n.Inputs[1] = g.Ints(2)
		}
	case "Slice":
		n.Inputs = []*graphs.Value{x(2, 8), g.Ints(0), g.Ints(4), g.Ints(1)}
	case "Pad":
		n.Inputs = []*graphs.Value{x(2, 8), g.Ints(0, 1, 0, 1)}
	case "Squeeze", "Unsqueeze":
		n.Inputs = []*graphs.Value{x(1, 8), g.Ints(0)}
	case "ReduceSum":
		n.Inputs = []*graphs.Value{x(2, 8), g.Ints(1)}
	case "Gather", "GatherElements", "GatherND":
		n.Inputs = []*graphs.Value{x(2, 8), g.Input("index", graphs.Int64, 2, 1)}
	default:
		n.Inputs = []*graphs.Value{x(2, 4, 8, 8)}
		if op == "Shape" {
			result = graphs.Int64
		}
	}
	y := g.Append(n, &graphs.Value{Name: "y", Type: result})[0]
	g.Outputs = append(g.Outputs, y)
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Output[0].Type.GetTensorType().Shape = nil // as the runtime infers it
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
