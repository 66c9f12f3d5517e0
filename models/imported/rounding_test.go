package imported

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// TestRounding: a model that rounding moves more than the import does is not refused, and one that is another is.
func TestRounding(t *testing.T) {
	b := newModel(17, 8)
	b.input("x", float, 1, 3, 8, 8)
	b.floats("w", 4, 3, 3, 3)
	b.node("Conv", "x,w -> c", graphs.Attributes{"pads": []int64{1, 1, 1, 1}})
	b.node("Sigmoid", "c -> s0", nil)
	b.Graph.Initializer = append(b.Graph.Initializer, scalar("four", 4), scalar("one", 1))
	name := "s0"
	for i := range 40 { // the logistic map doubles a difference at each step
		next := "s" + string(rune('A'+i))
		b.node("Sub", "one,"+name+" -> d"+next, nil)
		b.node("Mul", name+",d"+next+" -> p"+next, nil)
		b.node("Mul", "p"+next+",four -> "+next, nil)
		name = next
	}
	b.node("Identity", name+" -> y", nil)
	b.outputs("y")
	f := open(t, b.file(t, onnx.SaveOptions{}))
	g, err := f.verified(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := f.rounding(t.Context())
	if err != nil || !(own["y"] > 1e-3) {
		t.Errorf("rounding moves the model's own output by %v, %v: the test shows nothing", own, err)
	}
	for _, n := range g.Nodes {
		if n.Op == "Sigmoid" {
			n.Op = "Tanh"
		}
	}
	g.Outputs[0] = g.Nodes[1].Outputs[0] // what is not chaotic yet
	delete(f.trace, "y")
	if err := f.verify(t.Context(), g); err == nil || !strings.Contains(err.Error(), "not the model's") {
		t.Errorf("of another model: %v", err)
	}
}

func scalar(name string, x float32) *pb.TensorProto {
	return &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(float)), FloatData: []float32{x}}
}

// TestVanishing: at a saturated softmax the gradient is smaller than what rounding shows, which blames no node.
func TestVanishing(t *testing.T) {
	f := open(t, "testdata/cases/softmax_saturated.onnx")
	r, err := f.Check(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Agrees() || r.Wrong != nil || !r.Comparisons[0].Vanishes() {
		t.Errorf("agrees: %v, wrong: %v, comparisons %+v", r.Agrees(), r.Wrong, r.Comparisons)
	}
}

// TestVariances: variances of a normalisation stay positive along a direction, though they differ by orders.
func TestVariances(t *testing.T) {
	b := newModel(17, 8)
	b.input("x", float, 2, 4, 5, 5)
	b.floats("w", 4, 4, 3, 3)
	for _, name := range []string{"scale", "bias", "mean"} {
		b.floats(name, 4)
	}
	b.Graph.Initializer = append(b.Graph.Initializer, &pb.TensorProto{Name: proto.String("variance"),
		DataType: proto.Int32(int32(float)), Dims: []int64{4}, FloatData: []float32{1e-4, 1, 300, 2e-3}})
	b.node("Conv", "x,w -> c", graphs.Attributes{"pads": []int64{1, 1, 1, 1}})
	b.node("BatchNormalization", "c,scale,bias,mean,variance -> n", nil)
	b.node("Sigmoid", "n -> y", nil)
	b.outputs("y")
	r, err := open(t, b.file(t, onnx.SaveOptions{})).Check(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Agrees() {
		t.Errorf("comparisons %+v, wrong %v", r.Comparisons, r.Wrong)
	}
}

// TestDifferencesAtAnEnd: steps that leave the domain of a function are skipped.
func TestDifferencesAtAnEnd(t *testing.T) {
	d, err := differences(func(t float64) (float64, error) { return math.Sqrt(1e-3 + t), nil })
	want := 0.5 / math.Sqrt(1e-3)
	if err != nil || !(math.Abs(d.value-want) <= 3*d.error) || !(d.error < 0.1*want) {
		t.Errorf("derivative %+v, %v; want %v", d, err, want)
	}
}
