package imported

import (
	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/onnx/pb"
)

// Models in the forms that exporters write, and the names that are to be differentiated by.
var forms = map[string]func() (b builder, values string){
	"opset 9": func() (builder, string) {
		b := newModel(9, 4)
		b.input("x", float, "batch", 3, 4)
		b.node("Unsqueeze", "x -> a", graphs.Attributes{"axes": []int64{1}})
		b.node("Squeeze", "a -> b", nil)
		b.node("Slice", "b -> c", graphs.Attributes{"starts": []int64{-3}, "ends": []int64{1 << 40},
			"axes": []int64{2}})
		b.node("Softmax", "c -> d", nil)
		b.node("Dropout", "d -> e", graphs.Attributes{"ratio": float32(0.5)})
		b.node("Split", "e -> f,g", graphs.Attributes{"axis": 1, "split": []int64{1, 2}})
		b.node("Exp", "g -> h", nil)
		b.node("Pad", "h -> i", graphs.Attributes{"pads": []int64{0, 1, 0, 0, 0, 2}, "value": float32(0.25)})
		b.node("ReduceMean", "i -> j", graphs.Attributes{"axes": []int64{-1}, "keepdims": 0})
		b.node("Transpose", "j -> k", nil)
		b.node("Flatten", "f -> l", nil)
		b.outputs("k", "l")
		return b, "x"
	},
	"shape arithmetic": func() (builder, string) {
		b := newModel(11, 6)
		b.input("x", float, "batch", 6)
		b.node("Shape", "x -> s", nil)
		b.node("Constant", " -> zero", graphs.Attributes{"value": integers("", 0)})
		b.node("Gather", "s,zero -> n", nil)
		b.ints("rest", 3, -1)
		b.node("Concat", "n,rest -> to", graphs.Attributes{"axis": 0})
		b.node("Reshape", "x,to -> r", nil)
		b.node("Exp", "r -> y", nil)
		b.outputs("y")
		return b, "x"
	},
	"shape arithmetic in floating point": func() (builder, string) { // Paddle2ONNX's, simplified
		b := newModel(11, 6)
		b.input("x", float, "batch", 6)
		b.floats("w", 1, 6)
		b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: proto.String("least"),
			DataType: proto.Int32(int32(float)), Dims: []int64{2}, FloatData: []float32{1, 6}})
		b.node("Shape", "x -> s", nil)
		b.node("Cast", "s -> f", graphs.Attributes{"to": int(float)})
		b.node("Max", "f,least -> m", nil)
		b.node("Cast", "m -> to", graphs.Attributes{"to": int(integer)})
		b.node("Expand", "w,to -> e", nil)
		b.node("Mul", "x,e -> y", nil)
		b.outputs("y")
		return b, "x w"
	},
	"tied by an Identity chain": func() (builder, string) {
		b := newModel(17, 8)
		b.input("x", float, "batch", 4)
		b.floats("w", 4, 4)
		b.node("Identity", "w -> v", nil)
		b.node("Identity", "v -> u", nil)
		b.node("MatMul", "x,w -> a", nil)
		b.node("Tanh", "a -> b", nil)
		b.node("MatMul", "b,u -> c", nil)
		b.node("Identity", "c -> y", nil)
		b.outputs("y")
		return b, "x w"
	},
	"equal initializers apart, one also an input": func() (builder, string) {
		b := newModel(11, 3)
		b.input("x", float, "batch", 4)
		b.floats("w", 4, 4)
		b.Graph.Initializer = append(b.Graph.Initializer, proto.Clone(b.Graph.Initializer[0]).(*pb.TensorProto))
		b.Graph.Initializer[1].Name = proto.String("w2")
		b.input("w", float, 4, 4)
		b.input("w2", float, 4, 4)
		b.node("MatMul", "x,w -> a", nil)
		b.node("Gemm", "a,w2 -> y", graphs.Attributes{"transB": 1, "alpha": float32(0.5)})
		b.outputs("y")
		return b, "x w w2"
	},
	"functions": func() (builder, string) {
		b := newModel(17, 8)
		b.OpsetImport = append(b.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String("local"),
			Version: proto.Int64(1)})
		inner := &pb.FunctionProto{Name: proto.String("Normalise"), Domain: proto.String("local"),
			OpsetImport: b.OpsetImport,
			Input:       []string{"x"}, Output: []string{"y"}, Attribute: []string{"along"},
			Node: []*pb.NodeProto{node("Softmax", "x -> t", graphs.Attributes{"axis": "along"}),
				node("Log", "t -> y", nil)}}
		outer := &pb.FunctionProto{Name: proto.String("Twice"), Domain: proto.String("local"),
			OpsetImport: b.OpsetImport,
			Input:       []string{"x"}, Output: []string{"y"}}
		for _, edges := range []string{"x -> t", "t -> y"} {
			n := node("Normalise", edges, graphs.Attributes{"along": 1})
			n.Domain = inner.Domain
			outer.Node = append(outer.Node, n, node("Tanh", n.Output[0]+" -> unused"+n.Output[0], nil))
		}
		b.Functions = []*pb.FunctionProto{inner, outer}
		b.input("x", float, "batch", 4)
		b.node("Twice", "x -> y", nil)
		b.Graph.Node[0].Domain = proto.String("local")
		b.outputs("y")
		return b, "x"
	},
	"opset 23": func() (builder, string) {
		b := newModel(23, 11)
		b.input("x", float, "batch", 6, 1)
		b.floats("scale", 6)
		b.ints("none")
		b.node("Squeeze", "x -> a", nil)
		b.node("LayerNormalization", "a,scale -> b", nil)
		b.node("Split", "b -> c,d", graphs.Attributes{"axis": -1, "num_outputs": 2})
		b.node("ReduceSum", "c,none -> e", graphs.Attributes{"noop_with_empty_axes": 1})
		b.node("ReduceMean", "d,none -> f", nil)
		b.node("Mul", "e,f -> y", nil)
		b.outputs("y")
		return b, "x scale"
	},
	"branches by shapes": func() (builder, string) {
		b := newModel(11, 6)
		b.input("x", float, "batch", 1, 3)
		b.node("Shape", "x -> s", nil)
		b.ints("one", 1)
		b.node("Gather", "s,one -> n", nil)
		b.node("Equal", "n,one -> is", nil)
		squeeze := &pb.GraphProto{Name: proto.String("then"), Output: []*pb.ValueInfoProto{result("t", float)},
			Node: []*pb.NodeProto{node("Tanh", "x -> t", nil)}}
		keep := &pb.GraphProto{Name: proto.String("else"), Output: []*pb.ValueInfoProto{result("t", float)},
			Node: []*pb.NodeProto{node("Hardmax", "x -> t", nil)}}
		inner := &pb.GraphProto{Name: proto.String("inner"), Output: []*pb.ValueInfoProto{result("u", float)},
			Node: []*pb.NodeProto{node("If", "is -> v", nil), node("Exp", "v -> u", nil)}}
		inner.Node[0].Attribute = branches(squeeze, keep)
		b.node("If", "is -> y", nil)
		b.Graph.Node[3].Attribute = branches(inner, keep)
		b.node("If", "is -> z", nil)
		b.Graph.Node[4].Attribute = branches(squeeze, inner)
		b.outputs("y", "z")
		return b, "x"
	},
	"Loop in a Scan": func() (builder, string) {
		b := newModel(11, 6)
		b.input("x", float, "batch", 4, 3)
		b.floats("w", 3, 3)
		b.ints("twice", 2)
		b.node("ReduceMean", "x -> start", graphs.Attributes{"axes": []int64{1}, "keepdims": 0})
		again := &pb.GraphProto{Name: proto.String("again"),
			Output: []*pb.ValueInfoProto{info("on", graphs.Bool), info("to", float, "batch", 3)},
			Input:  []*pb.ValueInfoProto{info("i", integer), info("go", graphs.Bool), info("from", float, "batch", 3)},
			Node: []*pb.NodeProto{node("Identity", "go -> on", nil), node("MatMul", "from,w -> m", nil),
				node("Tanh", "m -> to", nil)}}
		step := &pb.GraphProto{Name: proto.String("step"),
			Output: []*pb.ValueInfoProto{info("next", float, "batch", 3), info("shown", float, "batch", 3)},
			Input:  []*pb.ValueInfoProto{info("state", float, "batch", 3), info("element", float, "batch", 3)},
			Node: []*pb.NodeProto{node("Add", "state,element -> sum", nil), node("Loop", "twice,,sum -> next", nil),
				node("Exp", "next -> shown", nil)}}
		step.Node[1].Attribute = []*pb.AttributeProto{{Name: proto.String("body"), Type: pb.AttributeProto_GRAPH.Enum(),
			G: again}}
		b.node("Scan", "start,x -> last,all", graphs.Attributes{"num_scan_inputs": 1, "scan_input_axes": []int64{1},
			"scan_input_directions": []int64{1}, "scan_output_axes": []int64{-1}, "scan_output_directions": []int64{1}})
		b.Graph.Node[1].Attribute = append(b.Graph.Node[1].Attribute,
			&pb.AttributeProto{Name: proto.String("body"), Type: pb.AttributeProto_GRAPH.Enum(), G: step})
		b.outputs("last", "all")
		return b, "x w"
	},
	"opset 7": func() (builder, string) {
		b := newModel(7, 3)
		b.input("x", float, "batch", 2, 2, 3)
		for _, name := range []string{"scale", "bias", "mean", "variance"} {
			b.floats(name, 2)
			b.Graph.Input = append(b.Graph.Input, info(name, float, 2)) // as before IR version 4
		}
		b.node("Exp", "variance -> positive", nil)
		b.node("BatchNormalization", "x,scale,bias,mean,positive -> n", graphs.Attributes{"spatial": 1})
		b.node("Upsample", "n -> y", graphs.Attributes{"scales": []float32{1, 1, 2, 1.5}})
		b.outputs("y")
		return b, "x scale bias mean variance"
	},
	"an input and an initializer are outputs": func() (builder, string) {
		b := newModel(13, 7)
		b.input("x", float, "batch", 4)
		b.floats("w", 4)
		b.node("Mul", "x,w -> y", nil)
		b.outputs("x", "y", "w")
		return b, "x w"
	},
	"integer input": func() (builder, string) {
		b := newModel(13, 7)
		b.input("ids", integer, "batch")
		b.input("x", float, "batch")
		b.node("Cast", "ids -> a", graphs.Attributes{"to": int(float)})
		b.node("Add", "a,x -> b", nil)
		b.node("Exp", "b -> y", nil)
		b.node("Identity", "ids -> same", nil)
		b.outputs("y")
		return b, "x"
	},
}
