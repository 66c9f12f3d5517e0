package imported

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/graphtest"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

const float, integer, half = pb.TensorProto_FLOAT, pb.TensorProto_INT64, pb.TensorProto_FLOAT16

// A builder writes a model.
type builder struct{ *pb.ModelProto }

func newModel(opset, ir int64) builder {
	return builder{&pb.ModelProto{IrVersion: &ir, Graph: &pb.GraphProto{Name: proto.String("test")},
		OpsetImport: []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: &opset}}}}
}

func info(name string, kind pb.TensorProto_DataType, dims ...any) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{}
	for _, d := range dims {
		dim := &pb.TensorShapeProto_Dimension{}
		switch d := d.(type) {
		case int:
			dim.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case string:
			dim.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: d}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape}}}}
}

// result is an output whose shape is left open.
func result(name string, kind pb.TensorProto_DataType) *pb.ValueInfoProto {
	v := info(name, kind)
	v.GetType().GetTensorType().Shape = nil
	return v
}

func (b builder) input(name string, kind pb.TensorProto_DataType, dims ...any) {
	b.Graph.Input = append(b.Graph.Input, info(name, kind, dims...))
}

func (b builder) outputs(names ...string) {
	for _, name := range names {
		b.Graph.Output = append(b.Graph.Output, result(name, float))
	}
}

func (b builder) floats(name string, dims ...int64) {
	n := (&graphs.Value{Shape: dims}).Len()
	b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: &name, DataType: proto.Int32(int32(float)),
		Dims: dims, FloatData: graphtest.Fill(name, int(n), 0, 0.8)})
}

func integers(name string, values ...int64) *pb.TensorProto {
	return &pb.TensorProto{Name: &name, DataType: proto.Int32(int32(integer)), Dims: []int64{int64(len(values))}, Int64Data: values}
}

func (b builder) ints(name string, values ...int64) {
	b.Graph.Initializer = append(b.Graph.Initializer, integers(name, values...))
}

// node reads "a,b -> c" as inputs and outputs.
func node(op, edges string, attributes graphs.Attributes) *pb.NodeProto {
	list := func(s string) []string {
		if s = strings.ReplaceAll(s, " ", ""); s == "" {
			return nil
		}
		return strings.Split(s, ",")
	}
	in, out, _ := strings.Cut(edges, "->")
	n := &pb.NodeProto{OpType: &op, Name: proto.String(op + " of " + strings.TrimSpace(out)), Input: list(in), Output: list(out)}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := &pb.AttributeProto{Name: proto.String(name)}
		switch v := attributes[name].(type) {
		case int:
			a.Type, a.I = pb.AttributeProto_INT.Enum(), proto.Int64(int64(v))
		case float32:
			a.Type, a.F = pb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
		case []int64:
			a.Type, a.Ints = pb.AttributeProto_INTS.Enum(), v
		case *pb.TensorProto:
			a.Type, a.T = pb.AttributeProto_TENSOR.Enum(), v
		case string: // a reference to a function's attribute
			a.Type, a.RefAttrName = pb.AttributeProto_INT.Enum(), &v
		}
		n.Attribute = append(n.Attribute, a)
	}
	return n
}

func (b builder) node(op, edges string, attributes graphs.Attributes) {
	b.Graph.Node = append(b.Graph.Node, node(op, edges, attributes))
}

func branches(then, otherwise *pb.GraphProto) []*pb.AttributeProto {
	return []*pb.AttributeProto{
		{Name: proto.String("then_branch"), Type: pb.AttributeProto_GRAPH.Enum(), G: then},
		{Name: proto.String("else_branch"), Type: pb.AttributeProto_GRAPH.Enum(), G: otherwise}}
}

func TestMain(m *testing.M) {
	if _, err := ort.Load(context.Background(), ort.Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func (b builder) file(t *testing.T, o onnx.SaveOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := onnx.Save(path, b.ModelProto, o); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path, importer.Sizes{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Models in the forms that exporters write, and the names that are to be
// differentiated by.
var forms = map[string]func() (b builder, values string){
	"opset 9": func() (builder, string) {
		b := newModel(9, 4)
		b.input("x", float, "batch", 3, 4)
		b.node("Unsqueeze", "x -> a", graphs.Attributes{"axes": []int64{1}})
		b.node("Squeeze", "a -> b", nil)
		b.node("Slice", "b -> c", graphs.Attributes{"starts": []int64{-3}, "ends": []int64{1 << 40}, "axes": []int64{2}})
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
		b.OpsetImport = append(b.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String("local"), Version: proto.Int64(1)})
		inner := &pb.FunctionProto{Name: proto.String("Normalise"), Domain: proto.String("local"), OpsetImport: b.OpsetImport,
			Input: []string{"x"}, Output: []string{"y"}, Attribute: []string{"along"},
			Node: []*pb.NodeProto{node("Softmax", "x -> t", graphs.Attributes{"axis": "along"}), node("Log", "t -> y", nil)}}
		outer := &pb.FunctionProto{Name: proto.String("Twice"), Domain: proto.String("local"), OpsetImport: b.OpsetImport,
			Input: []string{"x"}, Output: []string{"y"}}
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

// TestForms compares the gradients of each model with finite differences.
func TestForms(t *testing.T) {
	for name, build := range forms {
		t.Run(name, func(t *testing.T) {
			b, values := build()
			r, err := open(t, b.file(t, onnx.SaveOptions{})).Check(1)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range r.Values {
				got = append(got, v.Name)
			}
			if strings.Join(got, " ") != values {
				t.Errorf("differentiated by %v, want %s", got, values)
			}
			if !r.Agrees() {
				t.Errorf("%+v\nwrong: %v", r.Comparisons, r.Wrong)
			}
		})
	}
}

func TestExternalData(t *testing.T) {
	b, _ := forms["equal initializers apart, one also an input"]()
	r, err := open(t, b.file(t, onnx.SaveOptions{External: true, Threshold: 1})).Check(1)
	if err != nil || !r.Agrees() || len(r.Values) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestContract: what goes into a vector-Jacobian product and what comes out.
func TestContract(t *testing.T) {
	b, _ := forms["integer input"]()
	b.Graph.Output = append(b.Graph.Output, result("same", integer))
	g, err := open(t, b.file(t, onnx.SaveOptions{})).Differentiate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "g.onnx")
	if err := Save(path, g); err != nil {
		t.Fatal(err)
	}
	s, err := ort.OpenSession(path, ort.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []string
	for _, i := range append(s.Inputs(), s.Outputs()...) {
		got = append(got, (&graphs.Value{Name: i.Name, Type: i.Type, Shape: i.Shape}).String())
	}
	want := "ids int64[2], x float32[2], y.cotangent float32[2], x.grad float32[2]"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestWrongNames(t *testing.T) {
	b, _ := forms["tied by an Identity chain"]()
	b.input("ids", integer, 2)
	f := open(t, b.file(t, onnx.SaveOptions{}))
	for name, want := range map[string]string{"b": "no such input or initializer", "z": "no such input", "ids": "int64"} {
		if _, err := f.Differentiate(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", name, err, want)
		}
	}
	if _, err := f.Differentiate("x", "x"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("error is %v", err)
	}
}

// TestRefusal: an operator without a rule is named as it stands in the model.
func TestRefusal(t *testing.T) {
	b := newModel(11, 6)
	b.input("x", float, "batch", 3)
	b.floats("w", 3, 3)
	b.node("MatMul", "x,w -> a", nil)
	b.node("Hardmax", "a -> y", nil)
	b.outputs("y")
	f := open(t, b.file(t, onnx.SaveOptions{}))
	_, err := f.Differentiate("w")
	var refused *autodiff.Unsupported
	if !errors.As(err, &refused) {
		t.Fatalf("error is %v", err)
	}
	for _, part := range []string{`node "Hardmax of y"`, "Hardmax(", "opset 11", "float32[2,3]", "between the result and w"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %s", err, part)
		}
	}
}

// TestShapesFromData: a shape that the input's content decides is refused.
func TestShapesFromData(t *testing.T) {
	tile := newModel(13, 7)
	tile.input("x", float, 2, 3)
	tile.input("times", integer, 2)
	tile.node("Tile", "x,times -> y", nil)
	tile.outputs("y")
	branch := newModel(13, 7)
	branch.input("x", float, 2, 3)
	branch.input("on", pb.TensorProto_BOOL)
	branch.node("If", "on -> y", nil)
	tanh := &pb.GraphProto{Name: proto.String("tanh"), Output: []*pb.ValueInfoProto{result("t", float)},
		Node: []*pb.NodeProto{node("Tanh", "x -> t", nil)}}
	branch.Graph.Node[0].Attribute = branches(tanh, tanh)
	branch.outputs("y")
	nonzero := newModel(13, 7)
	nonzero.input("x", float, 2, 3)
	nonzero.node("NonZero", "x -> y", nil)
	nonzero.Graph.Output = append(nonzero.Graph.Output, result("y", integer))
	halves := newModel(13, 7)
	halves.input("x", float, 2, 3)
	halves.node("Cast", "x -> y", graphs.Attributes{"to": int(half)})
	halves.Graph.Output = append(halves.Graph.Output, result("y", half))
	training := newModel(13, 7)
	training.input("x", float, 2, 3)
	training.Graph.Initializer = append(training.Graph.Initializer, &pb.TensorProto{Name: proto.String("on"),
		DataType: proto.Int32(int32(pb.TensorProto_BOOL)), RawData: []byte{1}})
	training.node("Dropout", "x,,on -> y", nil)
	training.outputs("y")
	for want, b := range map[string]builder{"decides the shape": tile, "its condition depends": branch, "shape of its result": nonzero, "half precision": halves,
		"training mode": training} {
		f, err := Open(b.file(t, onnx.SaveOptions{}), importer.Sizes{})
		if err == nil {
			_, err = f.Differentiate()
			f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

// TestWrongRule: the first node whose gradient is wrong, or missing, is found.
func TestWrongRule(t *testing.T) {
	right := reverse
	defer func() { reverse = right }()
	b, _ := forms["tied by an Identity chain"]()
	path := b.file(t, onnx.SaveOptions{})
	for _, factor := range []float64{1.05, 0} {
		reverse = func(g *graphs.Graph, cotangents map[*graphs.Value]*graphs.Value, wrt []*graphs.Value) ([]*graphs.Value, error) {
			wrong := slices.ContainsFunc(g.Nodes, func(n *graphs.Node) bool { return n.Op == "Tanh" })
			gradients, err := right(g, cotangents, wrt)
			for i, v := range gradients {
				if wrong && factor == 0 {
					gradients[i] = nil
				} else if wrong && v != nil {
					gradients[i] = g.Scale(v, factor)
				}
			}
			return gradients, err
		}
		r, err := open(t, path).Check(1)
		if err != nil {
			t.Fatal(err)
		}
		if r.Agrees() || r.Wrong == nil || r.Wrong.Name != "Tanh of b" || r.Nodes != 1 {
			t.Errorf("%g: wrong: %v, after %d nodes, %+v", factor, r.Wrong, r.Nodes, r.Comparisons)
		}
	}
}
