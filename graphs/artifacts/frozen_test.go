package artifacts_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
)

// TestFrozenGraphIsSmaller: frozen parameters have no gradient, the others' stay as they are, and the backward pass
// ends at the lowest that is trained.
func TestFrozenGraphIsSmaller(t *testing.T) {
	c := readGolden(t, "vit_tiny_mean")
	model, batch := c.Config.vit(), int64(c.Config.Batch)
	build := func(o artifacts.Options) *graphs.Graph {
		g, err := artifacts.Training(artifacts.ViT(model), batch, o)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	frozen := func(prefixes ...string) artifacts.Options {
		o := artifacts.Options{Frozen: map[string]bool{}}
		for _, p := range model.Parameters() {
			o.Frozen[p.Name] = slices.ContainsFunc(prefixes,
				func(s string) bool { return strings.HasPrefix(p.Name, s) })
		}
		return o
	}
	all := build(artifacts.Options{})
	want := graphtest.Open(t, all, ort.Options{}).Run(c.fillFrom(t))
	nodes := len(all.Nodes)
	forward, err := artifacts.Eval(artifacts.ViT(model), batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, prefixes := range [][]string{
		{"cls_token", "pos_embed", "patch_embed"},
		{"cls_token", "pos_embed", "patch_embed", "blocks.0", "blocks.1"},
		{"cls_token", "pos_embed", "patch_embed", "blocks", "fc_norm"},
	} {
		o := frozen(prefixes...)
		g := build(o)
		if len(g.Nodes) >= nodes {
			t.Errorf("without %v there are %d nodes, with more %d", prefixes, len(g.Nodes), nodes)
		}
		nodes = len(g.Nodes)
		got := graphtest.Open(t, g, ort.Options{}).Run(c.fillFrom(t))
		for _, p := range model.Parameters() {
			name := artifacts.Grad(p.Name)
			if o.Frozen[p.Name] != (got[name] == nil) {
				t.Errorf("frozen %v: %s has %d values", prefixes, name, len(got[name]))
			} else if got[name] != nil {
				compare(t, name, got[name], want[name], 1e-5)
			}
		}
	}
	// Head alone: forward pass with its drop-path factors, loss and two products.
	if limit := len(forward.Nodes) + 12*model.Depth + 20; nodes > limit {
		t.Errorf("the graph that trains the head has %d nodes, more than %d", nodes, limit)
	}
}

// TestProbeEqualsTraining: the two parts of a linear probe give what the whole graph gives with every path kept.
func TestProbeEqualsTraining(t *testing.T) {
	for _, name := range []string{"vit_tiny_mean_twice", "vit_tiny_cls"} {
		c := readGolden(t, name)
		model, batch := c.Config.vit(), int64(c.Config.Batch)
		fill := c.fillFrom(t)
		inputs := map[string][]float32{}
		fillAll := func(name string, x []float32) {
			switch known := inputs[name]; {
			case known != nil:
				copy(x, known)
			case name == artifacts.DropPath:
				for i := range x {
					x[i] = 1
				}
			default:
				fill(name, x)
			}
		}
		build := func(g *graphs.Graph, err error) map[string][]float32 {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return graphtest.Open(t, g, ort.Options{}).Run(fillAll)
		}
		o := artifacts.Options{Focal: 2}
		want := build(artifacts.Training(artifacts.ViT(model), batch, o))
		inputs[artifacts.Features] = build(artifacts.Backbone(artifacts.ViT(model), batch))[artifacts.Features]
		got := build(artifacts.Probe(artifacts.ViT(model), batch, o))
		names := slices.Sorted(maps.Keys(got))
		if !slices.Equal(names, []string{"head.bias.grad", "head.weight.grad", "logits", "loss"}) {
			t.Errorf("%s: outputs %v", name, names)
		}
		for _, output := range names {
			compare(t, output, got[output], want[output], 1e-5)
		}
		compare(t, "eval logits", build(artifacts.ProbeEval(artifacts.ViT(model), batch))[artifacts.Logits],
			want[artifacts.Logits], 1e-5)
	}
}
