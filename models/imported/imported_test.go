package imported

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

func TestMain(m *testing.M) {
	if _, err := install.Load(context.Background(), install.Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestForms compares the gradients of each model with finite differences.
func TestForms(t *testing.T) {
	for name, build := range forms {
		t.Run(name, func(t *testing.T) {
			b, values := build()
			r, err := open(t, b.file(t, onnx.SaveOptions{})).Check(t.Context(), 1)
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
	r, err := open(t, b.file(t, onnx.SaveOptions{External: true, Threshold: 1})).Check(t.Context(), 1)
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
	if err := Save(t.Context(), path, g); err != nil {
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
	for name, want := range map[string]string{"b": "no such input or initializer", "z": "no such input",
		"ids": "int64"} {
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
	b.input("x", float, "batch", 3, 3, 3)
	b.floats("w", 3, 3)
	b.floats("regions", 1, 5)
	b.node("MatMul", "x,w -> a", nil)
	b.node("MaxRoiPool", "a,regions -> y", graphs.Attributes{"pooled_shape": []int64{2, 2}})
	b.outputs("y")
	f := open(t, b.file(t, onnx.SaveOptions{}))
	_, err := f.Differentiate("w")
	var refused *autodiff.Unsupported
	if !errors.As(err, &refused) {
		t.Fatalf("error is %v", err)
	}
	for _, part := range []string{`node "MaxRoiPool of y"`, "MaxRoiPool(", "opset 11", "float32[2,3,3,3]",
		"between the result and w"} {
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
	loop := newModel(13, 7)
	loop.input("x", float, 2, 3)
	loop.input("times", integer)
	loop.node("Loop", "times,,x -> y", nil)
	loop.Graph.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("body"),
		Type: pb.AttributeProto_GRAPH.Enum(), G: &pb.GraphProto{
			Name: proto.String("body"), Output: []*pb.ValueInfoProto{info("on", graphs.Bool), info("to", float, 2, 3)},
			Input: []*pb.ValueInfoProto{info("i", integer), info("go", graphs.Bool), info("from", float, 2, 3)},
			Node:  []*pb.NodeProto{node("Identity", "go -> on", nil), node("Tanh", "from -> to", nil)}}}}
	loop.outputs("y")
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
	for want, b := range map[string]builder{"decides the shape": tile, "its condition depends": branch,
		"its number of steps depends": loop, "shape of its result": nonzero, "half precision": halves,
		"training mode": training} {
		f, err := Open(t.Context(), b.file(t, onnx.SaveOptions{}), importer.Sizes{})
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
	right := backward
	defer func() { backward = right }()
	b, _ := forms["tied by an Identity chain"]()
	path := b.file(t, onnx.SaveOptions{})
	for _, factor := range []float64{1.05, 0} {
		backward = func(g *graphs.Graph, cotangents map[*graphs.Value]*graphs.Value,
			wrt []*graphs.Value) ([]*graphs.Value, error) {
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
		r, err := open(t, path).Check(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.Agrees() || r.Wrong == nil || r.Wrong.Name != "Tanh of b" || r.Nodes != 1 {
			t.Errorf("%g: wrong: %v, after %d nodes, %+v", factor, r.Wrong, r.Nodes, r.Comparisons)
		}
	}
}
