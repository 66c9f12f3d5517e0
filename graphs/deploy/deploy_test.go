package deploy_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/deploy"
	"fovea/onnx"
)

// small returns a classifier: a convolution, a product and a head.
func small(classes int64) *graphs.Graph {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(g *graphs.Graph, name string, shape ...int64) *graphs.Value {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		data := make([]byte, 0, 4*n)
		for range n {
			bits := math.Float32bits(float32(rng.NormFloat64()))
			data = append(data, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
		return g.Initializer(name, graphs.Float32, shape, data)
	}
	g := graphs.New("small")
	x := g.Input("images", graphs.Float32, graphs.Dynamic, 3, 8, 8)
	y := g.Apply("Conv", graphs.Attributes{"strides": []int64{4, 4}}, x, draw(g, "patch.weight", 16, 3, 4, 4))
	y = g.Gelu(g.Apply("Reshape", nil, y, g.Ints(-1, 64)))
	y = g.Add(g.MatMul(y, draw(g, "fc.weight", 32, 64), graphs.TransB), draw(g, "fc.bias", 32))
	y = g.MatMul(y, draw(g, "head.weight", 32, classes), graphs.NoTrans)
	g.Output("logits", y)
	return g
}

// TestQuantize: weights have 8 bits where that pays, each channel with its own scale, the head stays, and a weight is
// off by a step at most: half of one in it, half in the zero point.
func TestQuantize(t *testing.T) {
	g := small(20)
	before := map[string][]float32{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if x, ok := v.FloatValues(); ok {
				before[v.Name] = x
			}
		}
	}
	if err := deploy.Classifier(g, "logits", g.Outputs[0]); err != nil {
		t.Fatal(err)
	}
	q, err := deploy.Quantize(g)
	if err != nil {
		t.Fatal(err)
	}
	if q.Products != 1 || q.Stored != 1 || q.Float != 1 || q.Bytes != 4*(16*48+32*64) {
		t.Errorf("%+v", q)
	}
	m, err := deploy.Model(g, 13)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(m); err != nil {
		t.Fatal(err)
	}
	content := func(name string) []byte {
		data, err := onnx.Data(onnx.Initializer(m.Graph, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	kernels, scales, zeros := content("patch.weight/uint8"), content("patch.weight/scale"), content("patch.weight/zero")
	for i, want := range before["patch.weight"] {
		b := scales[4*(i/48):]
		scale := math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
		got := (float32(kernels[i]) - float32(zeros[i/48])) * scale
		if math.Abs(float64(got-want)) > 1.001*float64(scale) {
			t.Fatalf("weight %d is %g, was %g: the step is %g", i, got, want, scale)
		}
	}
	if onnx.Initializer(m.Graph, "head.weight") == nil || onnx.Initializer(m.Graph, "fc.weight") != nil {
		t.Error("the head has 8 bits, or a product has none")
	}
	if got := []string{m.Graph.Output[0].GetName(), m.Graph.Output[1].GetName()}; !slices.Equal(got,
		[]string{"probabilities", "logits"}) {
		t.Errorf("outputs are %q", got)
	}
}

// TestModelRefuses: what an opset cannot say is an error that names the node.
func TestModelRefuses(t *testing.T) {
	for _, test := range []struct {
		op         string
		attributes graphs.Attributes
		from, to   int64
		want       string
	}{
		{"GroupNormalization", nil, 21, 18,
			`node "it": GroupNormalization(images float32[batch,3,8,8]): GroupNormalization of opset 21 cannot be written in opset 18`},
		{"AveragePool", graphs.Attributes{"kernel_shape": []int64{2, 2}, "dilations": []int64{2, 2}}, 19, 17,
			"attribute dilations does not exist there"},
		{"Softmax", graphs.Attributes{"axis": int64(1)}, 11, 13, "over all dimensions from 1 on"},
		{"Resize", graphs.Attributes{"antialias": int64(1)}, 18, 17, "attribute antialias does not exist there"},
		{"GridSample", nil, 16, 15, "its meaning changed"},
		{"Relu", nil, 14, 26, "opset 26 is not one of 13 to 25"},
	} {
		g := graphs.New("g")
		x := g.Input("images", graphs.Float32, graphs.Dynamic, 3, 8, 8)
		y := g.Append(&graphs.Node{Op: test.op, Name: "it", Version: test.from, Attributes: test.attributes,
			Inputs: []*graphs.Value{x}},
			&graphs.Value{Type: graphs.Float32, Shape: x.Shape})[0]
		g.Output("y", y)
		if _, err := deploy.Model(g, test.to); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.op, err, test.want)
		}
	}
}

// TestClassifierRefuses: outputs that are no scores.
func TestClassifierRefuses(t *testing.T) {
	g := small(3)
	if err := deploy.Classifier(g, "scores", nil); err == nil || !strings.Contains(err.Error(), `no output "scores"`) {
		t.Error(err)
	}
	g = graphs.New("g")
	g.Output("y", g.Relu(g.Input("x", graphs.Float32, 1, 3, 8, 8)))
	if err := deploy.Classifier(g, "y", nil); err == nil || !strings.Contains(err.Error(), "no scores of classes") {
		t.Error(err)
	}
}
