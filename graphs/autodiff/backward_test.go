package autodiff_test

import (
	"errors"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
)

// TestAbsentGradient: a value on which the result does not depend has no gradient.
func TestAbsentGradient(t *testing.T) {
	g := graphs.New("absent")
	x, unused := g.Input("x", graphs.Float32, 2), g.Input("unused", graphs.Float32, 2)
	g.Exp(unused)
	y := g.Exp(x)
	gradients, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 2)}, []*value{x, unused})
	if err != nil || gradients[0] == nil || gradients[1] != nil {
		t.Errorf("gradients are %v, %v: want one of x and none of unused", gradients, err)
	}
}

// TestRefusal: a node without a rule is named, with the inputs behind it.
func TestRefusal(t *testing.T) {
	g := graphs.New("refusal")
	w := g.Input("layer.weight", graphs.Float32, 3)
	y := g.Append(&graphs.Node{Op: "Unique", Inputs: []*value{w}}, &value{Type: graphs.Float32, Shape: []int64{3}})[0]
	_, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 3)}, []*value{w})
	var refused *autodiff.Unsupported
	if !errors.As(err, &refused) || refused.Node.Op != "Unique" || len(refused.Towards) != 1 {
		t.Fatalf("error is %v", err)
	}
	for _, part := range []string{"Unique", "layer.weight", "float32[3]", "opset 20"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// TestDomain: an operator of another domain is not taken for the standard one.
func TestDomain(t *testing.T) {
	for domain, want := range map[string]string{
		"elsewhere":           "no rule for this operator",
		"com.microsoft.nchwc": "use the one that it was made of",
	} {
		g := graphs.New("domain")
		x := g.Input("x", graphs.Float32, 1, 2, 4)
		y := g.Append(&graphs.Node{Op: "Attention", Domain: domain, Inputs: []*value{x, x, x}},
			&value{Type: graphs.Float32, Shape: []int64{1, 2, 4}})[0]
		_, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 1, 2, 4)}, []*value{x})
		var refused *autodiff.Unsupported
		if !errors.As(err, &refused) || !strings.HasSuffix(refused.Reason, want) {
			t.Errorf("%s: error is %v", domain, err)
		}
	}
}

// TestEmptyResult: a result without elements gives no gradient.
func TestEmptyResult(t *testing.T) {
	g := graphs.New("empty result")
	x, w := g.Input("x", graphs.Float32, 0, 2, 4, 4), g.Input("w", graphs.Float32, 2, 2, 1, 1)
	y := g.Apply("Conv", nil, x, w)
	cotangent := g.Input("c", graphs.Float32, y.Shape...)
	gradients, err := autodiff.Backward(g, map[*value]*value{y: cotangent}, []*value{x, w})
	if err != nil || gradients[1] != nil {
		t.Errorf("gradients are %v, %v: want none of w", gradients, err)
	}
}

// TestEmptyTensor: a tensor without elements has no gradient; one that it is joined with has its own.
func TestEmptyTensor(t *testing.T) {
	g := graphs.New("empty")
	x, nothing := g.Input("x", graphs.Float32, 2, 3), g.Input("nothing", graphs.Float32, 2, 0)
	tiled := g.Append(&graphs.Node{Op: "Tile", Inputs: []*value{nothing, g.Ints(1, 3)}},
		&value{Type: graphs.Float32, Shape: []int64{2, 0}})[0]
	y := g.Concat(1, x, tiled)
	gradients, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 2, 3)}, []*value{x, nothing})
	if err != nil || gradients[0] == nil || gradients[1] != nil {
		t.Errorf("gradients are %v, %v: want one of x and none of nothing", gradients, err)
	}
}

// TestScatterND: no rule lets ScatterND combine updates. ONNX Runtime's loses some when it combines them on several
// threads, which a comparison of numbers would see by chance only.
func TestScatterND(t *testing.T) {
	g := graphs.New("gathered")
	x := g.Input("x", graphs.Float32, 2, 3, 2)
	y := gatheredTwice(g, []*value{x})
	if _, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, y.Shape...)}, []*value{x}); err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Nodes {
		if n.Op == "ScatterND" {
			t.Errorf("%s combines updates", n)
		}
	}
}
