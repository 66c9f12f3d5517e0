package graphs_test

import (
	"fmt"
	"slices"
	"testing"

	"fovea/graphs"
)

// residual returns a chain of n blocks x + w·tanh(w·x), every value named for its place, with a backward pass written
// by hand.
func residual(n int) (g *graphs.Graph, from, to, cotangent *graphs.Value, blocks []*graphs.Value) {
	g = graphs.New("residual")
	x := g.Input("x", graphs.Float32, 4, 8)
	cotangent = g.Input("cotangent", graphs.Float32, 4, 8)
	from = x
	var weights, hidden []*graphs.Value
	for i := range n {
		w := g.Input(fmt.Sprintf("w%d", i), graphs.Float32, 8, 8)
		h := g.Tanh(g.MatMul(x, w, graphs.NoTrans))
		weights, hidden, blocks = append(weights, w), append(hidden, h), append(blocks, x)
		x = g.Add(x, g.MatMul(h, w, graphs.NoTrans))
	}
	to = g.Mul(x, x)
	gradient := g.Mul(cotangent, x)
	for i := n - 1; i >= 0; i-- {
		h := hidden[i]
		g.Output(fmt.Sprintf("second%d.grad", i), g.MatMul(h, gradient, graphs.TransA))
		inner := g.Mul(g.MatMul(gradient, weights[i], graphs.TransB), g.Sub(g.Scalar(1), g.Mul(h, h)))
		g.Output(fmt.Sprintf("first%d.grad", i), g.MatMul(blocks[i], inner, graphs.TransA))
		gradient = g.Add(gradient, g.MatMul(inner, weights[i], graphs.TransB))
	}
	return g, from, to, cotangent, append(blocks, x)
}

// TestCuts: the paths of a residual network meet between its blocks only.
func TestCuts(t *testing.T) {
	g, from, to, _, blocks := residual(3)
	if got, want := g.Cuts(from, to), append(blocks, to); !slices.Equal(got, want) {
		t.Errorf("cuts are %v, want %v\n%s", got, want, g)
	}
	if got := g.Cuts(to, from); got != nil {
		t.Errorf("cuts are %v where no path leads", got)
	}
	// A connection from the first block to the last one leaves no cut in between.
	g = graphs.New("skip")
	x := g.Input("x", graphs.Float32, 4)
	a := g.Tanh(x)
	b := g.Tanh(g.Tanh(a))
	sum := g.Add(a, b)
	if got := g.Cuts(x, sum); !slices.Equal(got, []*graphs.Value{x, a, sum}) {
		t.Errorf("cuts are %v", got)
	}
}

// TestKeep: of many equal blocks about the square root of their number is kept where a block's inside is no larger than
// its result.
func TestKeep(t *testing.T) {
	const n = 64
	g, from, to, cotangent, _ := residual(n)
	kept := g.Keep([]*graphs.Value{cotangent}, g.Cuts(from, to))
	if len(kept) < 8 || len(kept) > 16 || kept[0] != from {
		t.Errorf("%d of %d cuts are kept: %v", len(kept), n, kept)
	}
	if got := g.Keep([]*graphs.Value{cotangent}, nil); got != nil {
		t.Errorf("%v is kept of nothing", got)
	}
}

// TestRecompute: what the backward pass reads between two kept values starts from them anew, behind the gradient that
// arrives.
func TestRecompute(t *testing.T) {
	g, from, to, cotangent, _ := residual(9)
	cuts := g.Cuts(from, to)
	kept := []*graphs.Value{cuts[0], cuts[3], cuts[6]}
	allowed := map[*graphs.Value]bool{cotangent: true} // of the values of the forward pass
	for i, v := range g.Inputs {
		allowed[v] = i > 0
	}
	for _, n := range g.Nodes {
		if i := slices.Index(g.Nodes, kept[2].Producer()); slices.Index(g.Nodes, n) >= i {
			allowed[n.Outputs[0]] = true
		}
	}
	for _, v := range kept {
		allowed[v] = true
	}
	forward := slices.Index(g.Nodes, to.Producer())
	before := slices.Clone(g.Nodes[:forward+1])
	g.Recompute([]*graphs.Value{cotangent}, kept)
	g.RemoveDead()
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	ran := map[*graphs.Node]bool{}
	depends := map[*graphs.Value]bool{cotangent: true}
	copies := 0
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v.Producer() != nil && !ran[v.Producer()] {
				t.Fatalf("%s runs before its input %s", n, v)
			}
			depends[n.Outputs[0]] = depends[n.Outputs[0]] || depends[v]
		}
		ran[n] = true
		if slices.Contains(before, n) {
			continue
		}
		if n.Op == "Tanh" {
			copies++
			if !depends[n.Outputs[0]] {
				t.Errorf("%s waits for no gradient", n)
			}
		}
		for _, v := range n.Inputs {
			if slices.Contains(before, v.Producer()) && !allowed[v] {
				t.Errorf("%s reads %s of the forward pass", n, v)
			}
		}
	}
	if copies != 6 {
		t.Errorf("%d blocks are computed twice, want the first 6\n%s", copies, g)
	}
}
