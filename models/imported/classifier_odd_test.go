package imported

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/onnx/pb"
)

// twoLayers returns images → flat → features h [N,8], ready for more.
func twoLayers(opset, ir int64, images string) builder {
	m := newModel(opset, ir)
	m.input(images, float, "n", 3, 4, 4)
	m.floats("fc", 48, 8)
	m.floats("head", 8, 10)
	m.node("Flatten", images+" -> x", nil)
	m.node("MatMul", "x, fc -> h", nil)
	return m
}

// TestOddClassifiers: each can be trained, and what is said of a parameter holds.
func TestOddClassifiers(t *testing.T) {
	type role struct {
		layer int
		fixed string
	}
	for name, test := range map[string]struct {
		build  func() builder
		by     string // layer pattern
		name   string // of a parameter
		want   role
		layers int
	}{
		"initializers that are inputs, as before IR version 4": {func() builder {
			m := twoLayers(9, 3, "images")
			m.input("fc", float, 48, 8)
			m.input("head", float, 8, 10)
			m.node("MatMul", "h, head -> logits", nil)
			m.outputs("logits")
			return m
		}, "", "fc", role{}, 2},
		"statistics that are equal to a scale and a shift": {func() builder {
			m := newModel(17, 8)
			m.input("images", float, "n", 3, 4, 4)
			m.floats("conv", 6, 3, 2, 2)
			m.floats("ones", 6)
			m.floats("zeros", 6)
			m.floats("head", 6, 10)
			m.node("Conv", "images, conv -> c", nil)
			m.node("BatchNormalization", "c, ones, zeros, zeros, ones -> bn", nil)
			m.node("GlobalAveragePool", "bn -> p", nil)
			m.node("Flatten", "p -> f", nil)
			m.node("MatMul", "f, head -> logits", nil)
			m.outputs("logits")
			return m
		}, "", "ones", role{0, "BatchNormalization's mean or variance"}, 2},
		"a sign, whose gradient is none": {func() builder {
			m := twoLayers(17, 8, "images")
			m.floats("s", 8)
			m.node("Sign", "s -> t", nil)
			m.node("Mul", "h, t -> h2", nil)
			m.node("MatMul", "h2, head -> logits", nil)
			m.outputs("logits")
			return m
		}, "", "s", role{0, "no gradient reaches it"}, 2},
		"images and weights among the outputs": {func() builder {
			m := twoLayers(17, 8, "images")
			m.node("MatMul", "h, head -> logits", nil)
			m.outputs("images", "logits", "fc")
			return m
		}, "", "fc", role{}, 2},
		"a parameter that is doubled forty times": {func() builder {
			m := twoLayers(17, 8, "images")
			m.floats("s0", 8)
			for i := range 40 {
				m.node("Add", fmt.Sprintf("s%d, s%d -> s%d", i, i, i+1), nil)
			}
			m.node("Add", "h, s40 -> h2", nil)
			m.node("MatMul", "h2, head -> logits", nil)
			m.outputs("logits")
			return m
		}, "", "s0", role{}, 2},
		"a pattern that matches the head too": {func() builder {
			m := twoLayers(17, 8, "images")
			m.node("MatMul", "h, head -> logits", nil)
			m.outputs("logits")
			return m
		}, "(.*)", transfer.HeadBias, role{2, ""}, 3},
		"a head that is used in another layer too": {func() builder {
			m := twoLayers(17, 8, "images")
			m.floats("tied", 8, 8)
			m.node("MatMul", "h, tied -> h2", nil)
			m.node("MatMul", "h2, tied -> logits", nil)
			m.outputs("logits")
			return m
		}, "", "tied", role{1, ""}, 3},
		"a head that reads the images, and an output of one number": {func() builder {
			m := newModel(17, 8)
			m.input("images", float, "n", 3, 4, 4)
			m.floats("head", 48, 10)
			m.node("Flatten", "images -> x", nil)
			m.node("MatMul", "x, head -> logits", nil)
			m.node("ReduceMean", "logits -> mean", graphs.Attributes{"keepdims": 0})
			m.outputs("mean", "logits")
			return m
		}, "", transfer.HeadWeight, role{1, ""}, 2},
		"a head in a branch that shapes decide": {func() builder {
			m := twoLayers(17, 8, "images")
			m.ints("eight", 8)
			m.ints("one", 1)
			m.node("Shape", "h -> s", nil)
			m.node("Gather", "s, one -> width", nil)
			m.node("Equal", "width, eight -> is", nil)
			m.node("If", "is -> logits", nil)
			branch := func(op, edges, result string) *pb.GraphProto {
				return &pb.GraphProto{Name: proto.String(result), Node: []*pb.NodeProto{node(op, edges, nil)},
					Output: []*pb.ValueInfoProto{info(result, float, "n", "c")}}
			}
			m.Graph.Node[5].Attribute = branches(branch("MatMul", "h, head -> y", "y"), branch("Neg", "h -> z", "z"))
			m.outputs("logits")
			return m
		}, "", "fc", role{}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Batch: 2}
			if test.by != "" {
				o.Layering.By = regexp.MustCompile(test.by)
			}
			c, err := openClassifier(t, test.build(), o)
			if err != nil {
				t.Fatal(err)
			}
			frozen, found := map[string]bool{}, false
			for _, p := range c.Parameters {
				frozen[p.Name] = p.Fixed != ""
				if p.Name == test.name {
					found = true
					if got := (role{p.Layer, p.Fixed}); got != test.want {
						t.Errorf("%s is %+v, want %+v", p.Name, got, test.want)
					}
				}
			}
			if !found || c.Layers != test.layers {
				t.Errorf("%d layers of %v", c.Layers, c.Parameters)
			}
			if _, err := artifacts.Training(c, 2, artifacts.Options{Frozen: frozen}); err != nil {
				t.Error(err)
			}
			if _, err := artifacts.Backbone(c, 2); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestClassifierErrors: what cannot be trained is refused for the right reason.
func TestClassifierErrors(t *testing.T) {
	for want, build := range map[string]func() builder{
		`input "features" has the name of something that is added for training`: func() builder {
			m := twoLayers(17, 8, "features")
			m.node("MatMul", "h, head -> logits", nil)
			return m
		},
		`initializer "half" is float16: only float32 can be trained`: func() builder {
			m := twoLayers(17, 8, "images")
			m.Graph.Initializer = append(m.Graph.Initializer,
				&pb.TensorProto{Name: proto.String("half"), Dims: []int64{8, 8},
					DataType: proto.Int32(int32(pb.TensorProto_FLOAT16)), RawData: make([]byte, 128)})
			m.node("Cast", "half -> whole", graphs.Attributes{"to": 1})
			m.node("MatMul", "h, whole -> h2", nil)
			m.node("MatMul", "h2, head -> logits", nil)
			return m
		},
		"the model has 0 inputs (), a classifier of images has one": func() builder {
			m := newModel(17, 8)
			m.floats("head", 8, 10)
			m.node("Relu", "head -> logits", nil)
			return m
		},
		"no layer is followed by nothing but pooling and softmax": func() builder { // it has its weight on the left
			m := twoLayers(17, 8, "images")
			m.floats("left", 10, 8)
			m.node("Transpose", "h -> ht", nil)
			m.node("MatMul", "left, ht -> y", nil)
			m.node("Transpose", "y -> logits", nil)
			return m
		},
	} {
		m := build()
		m.outputs("logits")
		if _, err := openClassifier(t, m, Options{Batch: 2}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}
