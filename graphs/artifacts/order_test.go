package artifacts_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/cost"
	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
	"fovea/tools/cudastub"
)

// TestWeightGradientsRunEarly reads from the runtime's profile in what order it runs training.onnx: the weight
// gradients of a block must be done before those of the block below it begin, with that block's backward pass in
// between. If they all ran last, every activation would be kept until then.
func TestWeightGradientsRunEarly(t *testing.T) {
	for name, precision := range precisions {
		t.Run(name, func(t *testing.T) {
			g := fourBlocksGraph(t, artifacts.Options{}, precision)
			weightGradientsRunEarly(t, executed(t, g, ort.Options{}))
		})
	}
}

func weightGradientsRunEarly(t *testing.T, nodes []string) {
	t.Helper()
	c := fourBlocks
	at := func(block int, layer string) int { return gradientAt(t, nodes, block, layer) }
	for block := c.Depth - 1; block > 0; block-- {
		if last, next := at(block, "attn.qkv"), at(block-1, "mlp.fc2"); next-last < 2 {
			t.Errorf("block %d's last weight gradient is node %d, block %d's first is %d", block, last, block-1, next)
		}
		if first, last := at(block, "mlp.fc2"), at(block, "attn.qkv"); last-first < 20 {
			t.Errorf("the weight gradients of block %d are nodes %d to %d: they wait for each other", block, first,
				last)
		}
	}
}

// TestRecomputationWaits: the runtime neither merges what is computed again with the forward pass nor does it before
// the backward pass has come that far.
func TestRecomputationWaits(t *testing.T) {
	for name, precision := range precisions {
		t.Run(name, func(t *testing.T) {
			g := fourBlocksGraph(t, artifacts.Options{Recompute: true}, precision)
			recomputationWaits(t, g, executed(t, g, ort.Options{}))
		})
	}
}

func recomputationWaits(t *testing.T, g *graphs.Graph, nodes []string) {
	t.Helper()
	c := fourBlocks
	for block := c.Depth - 2; block >= 0; block-- {
		var norms []int // of the block, in the order in which they run
		for _, n := range g.Nodes {
			if n.Op == "LayerNormalization" && strings.HasPrefix(n.Inputs[1].Name, fmt.Sprintf("blocks.%d.", block)) {
				norms = append(norms, slices.Index(nodes, n.Outputs[0].Name))
			}
		}
		slices.Sort(norms)
		if len(norms) != 4 || norms[0] < 0 {
			t.Fatalf("block %d's LayerNormalizations are nodes %v, want two that run twice", block, norms)
		}
		after, before := gradientAt(t, nodes, block+1, "attn.qkv"), gradientAt(t, nodes, block, "attn.qkv")
		if norms[2] < after || norms[3] > before {
			t.Errorf("block %d is computed again in nodes %v, not between nodes %d and %d", block, norms[2:], after,
				before)
		}
	}
}

var fourBlocks = vit.Config{ImageSize: 28, Patch: 7, Width: 32, Depth: 4, Heads: 2, Classes: 3, Pool: vit.Mean}

// precisions are ways to prepare a training graph for the CPU.
var precisions = map[string]func(g *graphs.Graph){
	"float32":  func(*graphs.Graph) {},
	"bfloat16": func(g *graphs.Graph) { g.MixEmulated(graphs.BFloat16) },
	"float16":  func(g *graphs.Graph) { g.MixEmulated(graphs.Float16) },
}

func fourBlocksGraph(t *testing.T, o artifacts.Options, precision func(g *graphs.Graph)) *graphs.Graph {
	t.Helper()
	g, err := artifacts.Training(artifacts.ViT(fourBlocks), 2, o)
	if err != nil {
		t.Fatal(err)
	}
	precision(g)
	return g
}

// TestOrderOnCUDA: the same with the real graphs of mixed precision and the CUDA provider. Its kernels compute nothing
// here, but it runs them in order.
func TestOrderOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for name, half := range halfTypes {
			t.Run(name, func(t *testing.T) {
				mix := func(g *graphs.Graph) { g.Mix(half) }
				o := ort.Options{Provider: "cuda"}
				weightGradientsRunEarly(t, executed(t, fourBlocksGraph(t, artifacts.Options{}, mix), o))
				g := fourBlocksGraph(t, artifacts.Options{Recompute: true}, mix)
				recomputationWaits(t, g, executed(t, g, o))
			})
		}
	})
}

// gradientAt returns the place of a weight gradient among the executed nodes.
func gradientAt(t *testing.T, nodes []string, block int, layer string) int {
	t.Helper()
	i := slices.Index(nodes, artifacts.Grad(fmt.Sprintf("blocks.%d.%s.weight", block, layer)))
	if i < 0 {
		t.Fatalf("the profile does not show the weight gradient of %s in block %d", layer, block)
	}
	return i
}

// TestOrder: cost.Order is the runtime's, as long as it changes no node.
func TestOrder(t *testing.T) {
	for _, recompute := range []bool{false, true} {
		g, err := artifacts.Training(artifacts.ViT(fourBlocks), 2, artifacts.Options{Recompute: recompute})
		if err != nil {
			t.Fatal(err)
		}
		nodes := executed(t, g, ort.Options{Optimization: ort.Disable})
		order := cost.Order(g)
		if len(nodes) != len(order) {
			t.Fatalf("%d nodes run, not %d", len(nodes), len(order))
		}
		for i, n := range order {
			if n.Outputs[0].Name != nodes[i] {
				t.Fatalf("recompute %v: node %d is %s, not %s", recompute, i, nodes[i], n)
			}
		}
	}
}

// executed lists the nodes of a graph in the order in which the runtime runs them, from its profile.
func executed(t *testing.T, g *graphs.Graph, o ort.Options) (nodes []string) {
	t.Helper()
	o.Profile = filepath.Join(t.TempDir(), "order")
	s := graphtest.Open(t, g, o)
	s.Run(func(string, []float32) {})
	events, err := ort.ReadProfile(s.EndProfile())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if name, ok := e.Node(); ok {
			nodes = append(nodes, name)
		}
	}
	return nodes
}
