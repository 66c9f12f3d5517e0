package cost

import (
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
)

// TestMemory counts by hand: x is 24 bytes; a, b and c are 24 each, of which c is b's memory; w is a parameter.
//
//	x → Exp → a → Sqrt → b → Reshape → c → MatMul w → y (4·3 bytes)
//	    a ────────────────────────────→ ReduceSum → s (4 bytes)
func TestMemory(t *testing.T) {
	g := graphs.New("small")
	x, w := g.Input("x", graphs.Float32, 3, 2), g.Input("w", graphs.Float32, 6, 3)
	a := g.Exp(x)
	b := g.Sqrt(a)
	c := g.Reshape(b, 1, 6)
	s := g.ReduceSum(a, false)
	y := g.MatMul(c, w, graphs.NoTrans)
	g.Output("y", y)
	g.Output("s", s)
	parameter := func(v *graphs.Value) bool { return v == w }
	got := Forward(g, parameter)
	// Once s is there a goes: the peak is x, a, b and s.
	if want := (Memory{Sum: 24 + 24 + 24 + 4 + 12, Peak: 24 + 24 + 24 + 4, Largest: 24,
		AtPeak: s.Producer()}); got != want {
		t.Errorf("memory is %+v, want %+v", got, want)
	}

	forward := append([]*graphs.Node{}, g.Nodes...)
	dw, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{y: g.Input("y.cotangent", graphs.Float32, 1, 3)},
		[]*graphs.Value{w})
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = nil
	g.Output("w.grad", dw[0])
	g.RemoveDead()
	// The gradient of w is cᵀ·dy.
	if kept := Kept(g, forward, []*graphs.Value{x}, parameter); kept != 24 {
		t.Errorf("backward by w keeps %d bytes, want those of c, 24", kept)
	}
}
