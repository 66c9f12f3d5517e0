package imported

import (
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/onnx"
	"fovea/onnx/pb"
)

func openClassifier(t *testing.T, b builder, o Options) (*Classifier, error) {
	t.Helper()
	o.Size, o.Classes = 4, 3
	if o.Layering.Parts == 0 {
		o.Layering.Parts = 12
	}
	c, err := OpenClassifier(t.Context(), b.file(t, onnx.SaveOptions{}), o)
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// alone returns a transformer's beginning as it is exported for one image: the class token is a constant, and Reshape
// has the batch in it, also where the shape is computed.
func alone(batch int) builder {
	m := newModel(17, 8)
	m.input("images", float, batch, 3, 4, 4)
	n := int64(batch)
	m.ints("one", n)
	m.ints("each", 4, 12)
	m.ints("to_heads", n, -1, 2, 6)
	m.ints("to_rows", n, 30)
	m.floats("cls", n, 1, 12)
	m.floats("qkv", 12, 12)
	m.floats("head", 30, 10)
	m.node("Concat", "one, each -> to_patches", graphs.Attributes{"axis": 0})
	m.node("Reshape", "images, to_patches -> patches", nil)
	m.node("Concat", "cls, patches -> tokens", graphs.Attributes{"axis": 1})
	m.node("MatMul", "tokens, qkv -> y", nil)
	m.node("Reshape", "y, to_heads -> heads", graphs.Attributes{"allowzero": 1})
	m.node("Transpose", "heads -> turned", graphs.Attributes{"perm": []int64{0, 2, 1, 3}})
	m.node("ReduceMean", "turned -> pooled", graphs.Attributes{"axes": []int64{1}, "keepdims": 0})
	m.node("Reshape", "pooled, to_rows -> rows", nil)
	m.node("MatMul", "rows, head -> logits", nil)
	m.outputs("logits")
	return m
}

func TestClassifierOfOneImage(t *testing.T) {
	c, err := openClassifier(t, alone(1), Options{Batch: 5})
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Forward("eval", 5, artifacts.Whole, false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.Result.Shape, []int64{5, 3}) {
		t.Errorf("the result is %v", f.Result)
	}
	var names []string
	for _, v := range f.Parameters {
		names = append(names, v.Name)
	}
	if want := []string{"cls", "qkv", transfer.HeadWeight, transfer.HeadBias}; !slices.Equal(names, want) {
		t.Errorf("parameters are %v, want %v", names, want)
	}
	if d := c.Deployed().Graph.Input[0].GetType().GetTensorType().GetShape().GetDim()[0].GetDimParam(); d != "batch" {
		t.Errorf("the deployed model's batch is %q", d)
	}

	if _, err := openClassifier(t, alone(2), Options{Batch: 5}); err == nil ||
		!strings.Contains(err.Error(), "takes 2 images at a time") ||
		!strings.Contains(err.Error(), "training.batch = 2") {
		t.Errorf("two images: %v", err)
	}
	if _, err := openClassifier(t, alone(2), Options{Batch: 2}); err != nil {
		t.Errorf("two images of two: %v", err)
	}
	mixed := alone(1)
	mixed.node("ReduceMean", "rows -> mean", graphs.Attributes{"axes": []int64{0}})
	mixed.node("Sub", "rows, mean -> apart", nil)
	mixed.node("MatMul", "apart, head -> y2", nil)
	mixed.Graph.Output = nil
	mixed.outputs("y2")
	if _, err := openClassifier(t, mixed, Options{Batch: 5}); err == nil ||
		!strings.Contains(err.Error(), "depends on others") {
		t.Errorf("images that depend on each other: %v", err)
	}
}

// TestClassifierImagesApart: where only the first of several images scores as it does alone, a model of one image stays
// one.
func TestClassifierImagesApart(t *testing.T) {
	m := alone(1)
	m.ints("first", 0)
	m.node("Gather", "rows, first -> gate", graphs.Attributes{"axis": 0})
	m.node("Mul", "rows, gate -> gated", nil)
	m.node("MatMul", "gated, head -> y2", nil)
	m.Graph.Output = nil
	m.outputs("y2")
	if _, err := openClassifier(t, m, Options{Batch: 5}); err == nil ||
		!strings.Contains(err.Error(), "depends on others") {
		t.Errorf("images that depend on the first: %v", err)
	}
}

// TestClassifierRoles: what acts on images before the first layer, masks, statistics and what no gradient reaches is
// not trained; weight decay applies to what features are multiplied with.
func TestClassifierRoles(t *testing.T) {
	m := newModel(17, 8)
	m.input("images", float, "n", 3, 4, 4)
	for _, name := range []string{"mean", "std"} {
		m.floats(name, 1, 3, 1, 1)
	}
	m.floats("conv", 6, 3, 2, 2)
	for _, name := range []string{"scale", "shift", "running_mean", "running_var"} {
		m.floats(name, 6)
	}
	m.floats("table", 4, 4)
	m.floats("threshold", 4, 4)
	m.Graph.Initializer = append(m.Graph.Initializer, &pb.TensorProto{Name: &[]string{"mask"}[0], Dims: []int64{4},
		DataType: &[]int32{int32(float)}[0], FloatData: []float32{0, -100, -100, 0}})
	m.floats("position", 1, 6, 4)
	m.floats("fc", 8, 24)
	m.floats("head", 8, 10)
	m.ints("tokens", 0, 6, 4)
	m.node("Sub", "images, mean -> centred", nil)
	m.node("Div", "centred, std -> normalised", nil)
	m.node("Conv", "normalised, conv -> c", graphs.Attributes{"strides": []int64{2, 2}})
	m.node("BatchNormalization", "c, scale, shift, running_mean, running_var -> bn", nil)
	m.node("Reshape", "bn, tokens -> t", nil)
	m.node("Add", "t, position -> x", nil)
	m.node("Greater", "table, threshold -> above", nil)
	m.node("Add", "x, mask -> masked", nil)
	m.node("Where", "above, masked, masked -> w", nil)
	m.Graph.Node = slices.DeleteFunc(m.Graph.Node, func(n *pb.NodeProto) bool { return n.GetOpType() == "Where" })
	m.node("Softmax", "masked -> s", nil)
	m.node("Flatten", "s -> flat", nil)
	m.node("Transpose", "fc -> fct", nil)
	m.node("MatMul", "flat, fct -> h", nil)
	m.node("MatMul", "h, head -> logits", nil)
	m.outputs("logits")
	c, err := openClassifier(t, m, Options{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	type role struct {
		layer int
		decay bool
		fixed string
	}
	want := map[string]role{
		"mean": {0, false, "acts on the images before the first layer"},
		"std":  {0, false, "acts on the images before the first layer"},
		"conv": {0, true, ""}, "scale": {0, false, ""}, "shift": {0, false, ""},
		"running_mean": {0, false, "BatchNormalization's mean or variance"},
		"running_var":  {0, false, "BatchNormalization's mean or variance"},
		"position":     {0, false, ""}, "mask": {0, false, "a mask"}, "fc": {1, true, ""},
		transfer.HeadWeight: {2, true, ""}, transfer.HeadBias: {2, false, ""},
	}
	for _, p := range c.Parameters {
		if got := (role{p.Layer, p.Decay, p.Fixed}); got != want[p.Name] {
			t.Errorf("%s is %+v, want %+v", p.Name, got, want[p.Name])
		}
		delete(want, p.Name)
	}
	if len(want) > 0 || c.Layers != 3 {
		t.Errorf("missing are %v; %d layers", want, c.Layers)
	}
	training, err := artifacts.Training(c, 2,
		artifacts.Options{Frozen: map[string]bool{"mean": true, "std": true, "mask": true,
			"running_mean": true, "running_var": true}})
	if err != nil {
		t.Fatal(err)
	}
	var outputs []string
	for _, v := range training.Outputs {
		outputs = append(outputs, v.Name)
	}
	if got, want := strings.Join(outputs, " "),
		"loss logits conv.grad scale.grad shift.grad position.grad fc.grad head.weight.grad head.bias.grad"; got != want {
		t.Errorf("outputs are %s, want %s", got, want)
	}
}
