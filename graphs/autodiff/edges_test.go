package autodiff_test

import (
	"encoding/base64"
	"math"
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/internal/graphtest"
	"fovea/internal/numbers"
	"fovea/onnx/ort"
)

// An edgeCase has PyTorch's gradients at zeros, kinks, huge and infinite values.
type edgeCase struct {
	Name, Op, Domain string
	Attributes       map[string]any
	Inputs           []*struct {
		Shape []int64
		Data  string
	}
	Constants [][]int64
	Shape     []int64
	Cotangent string
	Gradients []*string
}

// TestEdges compares with PyTorch: tools/oracle/edges.py. Where a case has several inputs, all but the first are
// constants in a second run, because a rule may leave out what a constant does not need.
func TestEdges(t *testing.T) {
	var cases []edgeCase
	graphtest.ReadGolden(t, "testdata/edges.json.gz", &cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			c.check(t, len(c.Inputs))
			if len(c.Inputs) > 1 {
				c.check(t, 1)
			}
		})
	}
}

// check compares the gradients by the first inputs; the others are constants.
func (c edgeCase) check(t *testing.T, variable int) {
	g := graphs.New("edge")
	n := &graphs.Node{Op: c.Op, Domain: c.Domain, Attributes: attributesOf(c.Attributes)}
	var wrt []*value
	given := map[string][]float32{"c": floatsOf(t, c.Cotangent)}
	for i, in := range c.Inputs {
		switch {
		case in == nil:
			wrt, n.Inputs = append(wrt, nil), append(n.Inputs, nil)
		case i < variable:
			given[name("x", i)] = floatsOf(t, in.Data)
			wrt = append(wrt, g.Input(name("x", i), graphs.Float32, in.Shape...))
			n.Inputs = append(n.Inputs, wrt[i])
		default:
			n.Inputs = append(n.Inputs, g.Floats(floatsOf(t, in.Data), in.Shape...))
		}
	}
	for _, list := range c.Constants {
		n.Inputs = append(n.Inputs, g.Ints(list...))
	}
	y := g.Append(n, &value{Type: graphs.Float32, Shape: c.Shape})[0]
	cotangent := g.Input("c", graphs.Float32, c.Shape...)
	gradients, err := autodiff.Backward(g, map[*value]*value{y: cotangent}, wrt)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range gradients {
		if c.Gradients[i] == nil {
			continue
		}
		if v == nil {
			v = g.Expand(g.Scalar(0), nil, wrt[i].Shape...)
		}
		g.Output(name("g", i), v)
	}
	g.RemoveDead()
	g.Fold()
	got := graphtest.Open(t, g, ort.Options{}).Run(func(name string, x []float32) { copy(x, given[name]) })
	for i, text := range c.Gradients[:variable] {
		if text == nil {
			continue
		}
		for j, want := range floatsOf(t, *text) {
			if x := got[name("g", i)][j]; !sameEdge(x, want) {
				t.Errorf("%d of %d inputs variable: entry %d of gradient %d is %v at %v, PyTorch's is %v", variable,
					len(c.Inputs), j, i, x, given[name("x", i)][j], want)
			}
		}
	}
}

// sameEdge reports whether both are the same but for rounding of numbers near 1.
func sameEdge(x, want float32) bool {
	a, b := float64(x), float64(want)
	return a == b || a != a && b != b || math.Abs(a-b) <= 1e-4*math.Abs(b)+1e-6
}

func floatsOf(t *testing.T, text string) []float32 {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return numbers.Decode[float32](data)
}

// attributesOf turns JSON's numbers into ONNX's: whole ones into integers, but for those that ONNX wants as floats.
func attributesOf(given map[string]any) graphs.Attributes {
	out := graphs.Attributes{}
	for name, x := range given {
		switch x := x.(type) {
		case float64:
			if out[name] = int64(x); name == "epsilon" {
				out[name] = float32(x)
			}
		case []any:
			var list []int64
			for _, item := range x {
				list = append(list, int64(item.(float64)))
			}
			out[name] = list
		default:
			out[name] = x
		}
	}
	return out
}
