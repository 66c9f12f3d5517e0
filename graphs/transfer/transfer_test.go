package transfer_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/importer"
	"fovea/graphs/transfer"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// A builder writes models by hand, with the shapes that a run would see.
type builder struct {
	m     *pb.ModelProto
	trace importer.Trace
}

func newModel(input ...int64) *builder {
	b := &builder{&pb.ModelProto{IrVersion: proto.Int64(8), Graph: &pb.GraphProto{}}, importer.Trace{}}
	shape := &pb.TensorShapeProto{}
	for _, d := range input {
		dim := &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
		if d < 0 {
			dim.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	b.m.Graph.Input = []*pb.ValueInfoProto{{Name: proto.String("x"),
		Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
			TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(pb.TensorProto_FLOAT)), Shape: shape}}}}}
	return b
}

// weight adds an initializer.
func (b *builder) weight(name string, shape ...int64) string {
	n := int64(4)
	for _, d := range shape {
		n *= d
	}
	t, err := onnx.NewTensor(name, pb.TensorProto_FLOAT, shape, make([]byte, n))
	if err != nil {
		panic(err)
	}
	b.m.Graph.Initializer = append(b.m.Graph.Initializer, t)
	return name
}

// node adds a node whose result has its name and a shape.
func (b *builder) node(op, name string, shape []int64, inputs ...string) string {
	b.m.Graph.Node = append(b.m.Graph.Node, &pb.NodeProto{OpType: proto.String(op), Name: proto.String("node_" + name),
		Input: inputs, Output: []string{name}})
	b.trace[name] = &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_FLOAT)), Dims: shape}
	return name
}

func (b *builder) output(names ...string) *builder {
	for _, name := range names {
		b.m.Graph.Output = append(b.m.Graph.Output, &pb.ValueInfoProto{Name: proto.String(name)})
	}
	return b
}

// The batch of all traces is 2.
func (b *builder) features(shape ...int64) string { return b.node("Relu", "f", shape, "x") }

func TestFindHead(t *testing.T) {
	gemm := func(b *builder) string {
		return b.node("Gemm", "scores", []int64{2, 10}, b.features(2, 6), b.weight("w", 6, 10), b.weight("b", 10))
	}
	for name, test := range map[string]struct {
		build func() *builder
		head  string // model.head
		want  string // the head, or part of the error
		ops   string // of the model with a new head
	}{
		"gemm": {func() *builder { b := newModel(-1, 3, 4, 4); return b.output(gemm(b)) }, "",
			`"node_scores" (6 features → 10 classes)`, "Relu Flatten Gemm"},
		"softmax behind it": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			return b.output(b.node("Softmax", "p", []int64{2, 10}, gemm(b)))
		}, "", `"node_scores" (6 features → 10 classes)`, "Relu Flatten Gemm"},
		"softmax in single operators": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := gemm(b)
			e := b.node("Exp", "e", []int64{2, 10}, b.node("Sub", "d", []int64{2, 10}, y, b.node("ReduceMax", "m",
				[]int64{2, 1}, y)))
			return b.output(b.node("Div", "p", []int64{2, 10}, e, b.node("ReduceSum", "s", []int64{2, 1}, e)))
		}, "", `"node_scores" (6 features → 10 classes)`, "Relu Flatten Gemm"},
		"matmul and bias on [N,1,F]": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("MatMul", "y", []int64{2, 1, 10}, b.features(2, 1, 6), b.weight("w", 6, 10))
			z := b.node("Add", "z", []int64{2, 1, 10}, b.weight("b", 10), y)
			return b.output(b.node("Squeeze", "s", []int64{2, 10}, z))
		}, "", `"node_y" (6 features → 10 classes)`, "Relu Flatten Gemm"},
		"a transposed weight": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			w := b.node("Transpose", "wt", []int64{6, 10}, b.weight("w", 10, 6))
			return b.output(b.node("MatMul", "y", []int64{2, 10}, b.features(2, 6), w))
		}, "", `"node_y" (6 features → 10 classes)`, "Relu Flatten Gemm"},
		"a convolution behind pooling": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("Conv", "y", []int64{2, 10, 1, 1}, b.features(2, 6, 1, 1), b.weight("w", 10, 6, 1, 1),
				b.weight("b", 10))
			return b.output(b.node("Flatten", "s", []int64{2, 10}, y))
		}, "", `"node_y" (6 features → 10 classes)`, "Relu Flatten Gemm"},
		"a convolution before pooling, as SqueezeNet's": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("Conv", "y", []int64{2, 10, 4, 4}, b.features(2, 6, 4, 4), b.weight("w", 10, 6, 1, 1),
				b.weight("b", 10))
			y = b.node("GlobalAveragePool", "pool", []int64{2, 10, 1, 1}, b.node("Relu", "r", []int64{2, 10, 4, 4}, y))
			return b.output(b.node("Softmax", "p", []int64{2, 10, 1, 1}, y))
		}, "", `"node_y" (6 features → 10 classes)`, "Relu Conv Relu GlobalAveragePool Flatten"},
		"its bias in another shape, as Paddle's": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("Conv", "y", []int64{2, 10, 4, 4}, b.features(2, 6, 4, 4), b.weight("w", 10, 6, 1, 1))
			bias := b.node("Reshape", "bias", []int64{1, 10, 1, 1}, b.weight("b", 10), b.weight("to", 4))
			y = b.node("Add", "sum", []int64{2, 10, 4, 4}, y, bias)
			return b.output(b.node("GlobalAveragePool", "pool", []int64{2, 10, 1, 1}, y))
		}, "", `"node_y" (6 features → 10 classes)`, "Relu Conv GlobalAveragePool Flatten"},
		"a convolution, pooling and the class itself": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("Conv", "y", []int64{2, 10, 4, 4}, b.features(2, 6, 4, 4), b.weight("w", 10, 6, 1, 1))
			y = b.node("Flatten", "s", []int64{2, 10}, b.node("GlobalAveragePool", "pool", []int64{2, 10, 1, 1}, y))
			return b.output(y, b.node("ArgMax", "class", []int64{2, 1}, y))
		}, "", `"node_y" (6 features → 10 classes)`, "Relu Conv GlobalAveragePool Flatten Flatten"},
		"a convolution in the middle": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("Conv", "y", []int64{2, 10, 4, 4}, b.features(2, 6, 4, 4), b.weight("w", 10, 6, 1, 1))
			y = b.node("Conv", "z", []int64{2, 10, 4, 4}, b.node("Relu", "r", []int64{2, 10, 4, 4}, y),
				b.weight("v", 10, 10, 3, 3))
			return b.output(b.node("GlobalAveragePool", "pool", []int64{2, 10, 1, 1}, y))
		}, "node_y", `"node_y" (6 features → 10 classes)`, "Relu Conv Relu Flatten"},
		"a transposition that changes nothing": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			w := b.node("Transpose", "wt", []int64{6, 10}, b.weight("w", 6, 10)) // perm: 0, 1
			return b.output(b.node("MatMul", "y", []int64{2, 10}, b.features(2, 6), w))
		}, "", `"node_y" (6 features → 10 classes)`, "Relu Flatten Gemm"},
		"absent inputs and outputs": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("MatMul", "y", []int64{2, 7}, b.features(2, 6), b.weight("v", 6, 7))
			y = b.node("Dropout", "d", []int64{2, 7}, y)
			b.m.Graph.Node[2].Output = append(b.m.Graph.Node[2].Output, "")
			y = b.node("MatMul", "z", []int64{2, 10}, y, b.weight("w", 7, 10))
			return b.output(b.node("Clip", "c", []int64{2, 10}, y, "", b.weight("most")))
		}, "", `"node_z" (7 features → 10 classes)`, "Relu MatMul Dropout Flatten Gemm"},
		"the images along the second axis": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			return b.output(b.node("MatMul", "y", []int64{1, 2, 10}, b.features(1, 2, 6), b.weight("w", 6, 10)))
		}, "", "no layer is followed by nothing but pooling and softmax", ""},
		"two, as DeiT's with distillation": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("Gemm", "other", []int64{2, 10}, b.node("Relu", "g", []int64{2, 7}, "x"), b.weight("v", 7, 10))
			return b.output(b.node("Add", "sum", []int64{2, 10}, gemm(b), y))
		}, "", `2 layers could be the head: name one with model.head: "node_scores" (6 features → 10 classes), "node_other" (7 features → 10 classes)`, ""},
		"one of two by name": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			y := b.node("Gemm", "other", []int64{2, 10}, b.node("Relu", "g", []int64{2, 7}, "x"), b.weight("v", 7, 10))
			return b.output(b.node("Add", "sum", []int64{2, 10}, gemm(b), y))
		}, "node_other", `"node_other" (7 features → 10 classes)`, "Relu Flatten Gemm"},
		"none": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			return b.output(b.node("LayerNormalization", "pooled", []int64{2, 6}, b.features(2, 6), b.weight("w", 6)))
		}, "", `such as model.head = "pooled"`, ""},
		"none, behind residual blocks": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			f := b.features(2, 6, 4, 4)
			y := b.node("Add", "sum", []int64{2, 6, 4, 4},
				b.node("Conv", "y", []int64{2, 6, 4, 4}, f, b.weight("w", 6, 6, 1, 1)), f)
			return b.output(b.node("ReduceMean", "pooled", []int64{2, 6}, b.node("Relu", "r", []int64{2, 6, 4, 4}, y)))
		}, "", `such as model.head = "pooled"`, ""},
		"on top of a value": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			return b.output(b.node("LayerNormalization", "pooled", []int64{2, 6}, b.features(2, 6), b.weight("w", 6)))
		}, "pooled", `"pooled" (6 features → 0 classes)`, "Relu LayerNormalization Flatten Gemm"},
		"on top of tokens": {func() *builder { b := newModel(-1, 3, 4, 4); return b.output(b.features(2, 5, 6)) },
			"f", `"f" is [2 5 6]: a head reads float32 [N,F]`, ""},
		"a layer of every token": {func() *builder {
			b := newModel(-1, 3, 4, 4)
			return b.output(b.node("MatMul", "y", []int64{2, 5, 10}, b.features(2, 5, 6), b.weight("w", 6, 10)))
		}, "", "no layer is followed by nothing but pooling and softmax", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := test.build()
			head, err := transfer.FindHead(b.m, b.trace, 2, test.head)
			if test.ops == "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if head.String() != test.want {
				t.Errorf("head is %s, want %s", head, test.want)
			}
			m, err := head.Replace(3)
			if err != nil {
				t.Fatal(err)
			}
			var ops []string
			for _, n := range m.Graph.Node {
				ops = append(ops, n.GetOpType())
			}
			if got := strings.Join(ops, " "); got != test.ops {
				t.Errorf("the new model is %s, want %s", got, test.ops)
			}
			if onnx.Initializer(m.Graph, "w") != nil && !slices.Contains(ops, "LayerNormalization") {
				t.Error("the old weight is still there")
			}
			weight := onnx.Initializer(m.Graph, transfer.HeadWeight).GetDims()
			if weight[0] != 3 || weight[1] != head.Width {
				t.Errorf("the new weight is %v", weight)
			}
			deployed := transfer.Deploy(m, "probabilities")
			if o := deployed.Graph.Output; len(o) != 2 || o[0].GetName() != "probabilities" ||
				o[1].GetName() != transfer.Logits ||
				len(m.Graph.Output) != 1 {
				t.Errorf("outputs are %v", o)
			}
		})
	}
}

// TestNames: values that bear the names of what is added get others.
func TestNames(t *testing.T) {
	b := newModel(-1, 3, 4, 4)
	f := b.node("Mul", "logits", []int64{2, 6}, b.features(2, 6), b.weight("head.bias", 6))
	b.output(b.node("Gemm", "loss", []int64{2, 10}, f, b.weight("head.weight", 6, 10)))
	head, err := transfer.FindHead(b.m, b.trace, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	m, err := head.Replace(3, "loss")
	if err != nil {
		t.Fatal(err)
	}
	mul := m.Graph.Node[1]
	if mul.GetInput()[1] != "head.bias.model" || mul.GetOutput()[0] != "logits.model" ||
		m.Graph.Node[2].GetInput()[0] != "logits.model" {
		t.Errorf("nodes are %v", m.Graph.Node)
	}
	if d := onnx.Initializer(m.Graph, "head.bias.model").GetDims(); len(d) != 1 || d[0] != 6 {
		t.Errorf("the model's own head.bias is %v", d)
	}
}

func TestTakeImages(t *testing.T) {
	for name, test := range map[string]struct {
		shape []int64
		want  string // part of the error
	}{
		"channels first":          {[]int64{-1, 3, 32, 32}, ""},
		"any size":                {[]int64{-1, -1, -1, -1}, ""},
		"channels last":           {[]int64{-1, 32, 32, 3}, ""},
		"one image":               {[]int64{1, 3, 32, 32}, ""},
		"another size":            {[]int64{-1, 3, 224, 224}, "takes images of 224×224 pixels: set data.size = 224"},
		"another size, last":      {[]int64{-1, 224, 224, 3}, "set data.size = 224"},
		"not square":              {[]int64{-1, 3, 32, 64}, "takes images of 32×64 pixels: only square ones"},
		"grey":                    {[]int64{-1, 1, 32, 32}, "1 channels: images have the 3 of RGB"},
		"no image":                {[]int64{-1, 128}, "images are float32 [N,3,S,S]"},
		"channels last, any size": {[]int64{-1, 0, 0, 3}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newModel(test.shape...)
			b.output(b.features(2, 6))
			m, image, err := transfer.TakeImages(b.m, 32)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var dims []int64
			for _, d := range m.Graph.Input[0].GetType().GetTensorType().GetShape().GetDim() {
				dims = append(dims, d.GetDimValue())
			}
			if want := []int64{max(test.shape[0], 0), 3, 32, 32}; !slices.Equal(dims, want) || image.Batch != want[0] ||
				image.Name != "x" {
				t.Errorf("input is %v, %+v, want %v", dims, image, want)
			}
			if last := test.shape[3] == 3; (m.Graph.Node[0].GetOpType() == "Transpose") != last ||
				(m.Graph.Node[len(m.Graph.Node)-1].GetInput()[0] != "x") != last {
				t.Errorf("nodes are %v", m.Graph.Node)
			}
			if b.m.Graph.Node[0].GetInput()[0] != "x" || len(b.m.Graph.Node) != 1 {
				t.Error("the model itself was changed")
			}
		})
	}
	b := newModel(-1, 3, 32, 32)
	b.m.Graph.Input = append(b.m.Graph.Input, &pb.ValueInfoProto{Name: proto.String("age")})
	if _, _, err := transfer.TakeImages(b.output(b.features(2, 6)).m, 32); err == nil ||
		!strings.Contains(err.Error(), `2 inputs ("x", "age")`) || strings.Contains(err.Error(), "tf2onnx") {
		t.Errorf("two inputs: %v", err)
	}
	b.m.Graph.Input[1].Name = proto.String("model/normalization/Sub/y:0")
	if _, _, err := transfer.TakeImages(b.m, 32); err == nil ||
		!strings.Contains(err.Error(), "tf2onnx leaves constants") {
		t.Errorf("a constant as an input: %v", err)
	}
}

// TestEndingOfBranches: what a branch reads from outside of it makes its results depend on the images.
func TestEndingOfBranches(t *testing.T) {
	b := newModel(-1, 4)
	b.weight("c")
	b.node("If", "y", []int64{2, 4}, "c")
	b.m.Graph.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("then_branch"), G: &pb.GraphProto{
		Node: []*pb.NodeProto{{OpType: proto.String("Identity"), Input: []string{"x"}, Output: []string{"v"}}}}}}
	b.node("Softmax", "z", []int64{2, 4}, "y")
	if e := transfer.FindEnding(b.output("z").m, "z"); !slices.Equal(e.Inputs, []string{"y"}) {
		t.Errorf("the ending starts from %q", e.Inputs)
	}
}

// TestHalfEnding: scores that are joined in half precision are no residual of the network.
func TestHalfEnding(t *testing.T) {
	b := newModel(-1, 3, 4, 4)
	y := b.node("Gemm", "scores", []int64{2, 10}, b.features(2, 6), b.weight("w", 6, 10))
	b.node("Exp", "e", []int64{2, 10}, y)
	b.node("ReduceSum", "s", []int64{2, 1}, "e")
	b.node("Div", "p", []int64{2, 10}, "e", "s")
	for _, name := range []string{"e", "s", "p"} {
		b.trace[name].DataType = proto.Int32(int32(pb.TensorProto_FLOAT16))
	}
	if h, err := transfer.FindHead(b.output("p").m, b.trace, 2, ""); err != nil || h.Node != "node_scores" {
		t.Errorf("%v, %v", h, err)
	}
}
