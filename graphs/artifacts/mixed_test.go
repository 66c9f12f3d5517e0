package artifacts_test

import (
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

// mixed returns the training graph of a golden case in mixed precision.
func mixed(t *testing.T, c *golden, half pb.TensorProto_DataType, recompute bool) *graphs.Graph {
	t.Helper()
	g := training(t, c, recompute)
	g.Mix(half)
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestMixedTypes: inputs and outputs stay float32, so do the loss and statistics; all products are in half precision
// but those with a single row or column, which are sums, and what else stays in float32.
func TestMixedTypes(t *testing.T) {
	for _, name := range []string{"vit_tiny_mean_twice", "vit_tiny_cls", "vit_tiny_dinov2"} {
		for kind, half := range halfTypes {
			for _, recompute := range []bool{false, true} {
				g := mixed(t, readGolden(t, name), half, recompute)
				for _, v := range slices.Concat(g.Inputs, g.Outputs) {
					if v.Type != graphs.Float32 {
						t.Errorf("%s in %s: %s", name, kind, v)
					}
				}
				inHalf, in32 := map[string]int{}, map[string]int{}
				for _, n := range g.Nodes {
					if n.Outputs[0].Type == half {
						inHalf[n.Op]++
					} else {
						in32[n.Op]++
					}
					switch n.Op {
					case "LayerNormalization", "LogSoftmax", "Log", "ReduceMean":
						if n.Outputs[0].Type != graphs.Float32 {
							t.Errorf("%s in %s: %s is in half precision", name, kind, n)
						}
					case "MatMul", "FusedMatMul", "Gemm":
						single := slices.ContainsFunc(n.Inputs[:2], func(v *graphs.Value) bool {
							return slices.Contains(v.Shape[v.Rank()-2:], 1)
						})
						if n.Outputs[0].Type != half && !single {
							t.Errorf("%s in %s: %s is in float32", name, kind, n)
						}
					}
				}
				t.Logf("%s in %s: %v; in float32: %v", name, kind, inHalf, in32)
			}
		}
	}
}

// TestParametersAreCastOnce: all that reads a parameter in half precision, in the forward pass, in the backward pass
// and in what is computed again, reads the same copy.
func TestParametersAreCastOnce(t *testing.T) {
	for _, recompute := range []bool{false, true} {
		c := readGolden(t, "vit_tiny_dinov2")
		g := mixed(t, c, graphs.BFloat16, recompute)
		casts := map[string]int{}
		for _, n := range g.Nodes {
			if v := n.Inputs[0].Stored(); n.Op == "Cast" && slices.Contains(g.Inputs, v) {
				casts[v.Name]++
			}
		}
		for _, p := range c.Config.vit().Parameters() {
			want := 1
			if p.Name == "pos_embed" || p.Name == "cls_token" || strings.Contains(p.Name, "norm") ||
				p.Name == "head.bias" {
				want = 0 // read in float32
			}
			if casts[p.Name] != want {
				t.Errorf("recompute %t: %s is cast %d times, want %d", recompute, p.Name, casts[p.Name], want)
			}
		}
	}
}

// TestMixedActivations: what the backward pass keeps of the forward pass is kept in one type, and takes little more
// than half the memory: the residual stream stays in float32.
func TestMixedActivations(t *testing.T) {
	c := vit.Config{ImageSize: 224, Patch: 16, Width: 192, Depth: 12, Heads: 3, Classes: 5, Pool: vit.Mean}
	build := func(half pb.TensorProto_DataType) (bytes int64) {
		g, err := artifacts.Training(artifacts.ViT(c), 16, artifacts.Options{})
		if err != nil {
			t.Fatal(err)
		}
		g.Mix(half)
		kept := activations(g)
		for v := range kept {
			bytes += v.Bytes()
			if n := v.Producer(); n.Op == "Cast" && kept[n.Inputs[0].Stored()] {
				t.Errorf("%s: the backward pass reads %s and also what it is a copy of, %s", half, v, n.Inputs[0])
			}
		}
		return bytes
	}
	full := build(graphs.Float32)
	for kind, half := range halfTypes {
		share := float64(build(half)) / float64(full)
		if share > 0.6 {
			t.Errorf("%s: activations take %.2f of float32's memory", kind, share)
		}
		t.Logf("%s: activations take %.3f of float32's memory", kind, share)
	}
}

// activations returns the results of the forward pass that the backward pass reads.
func activations(g *graphs.Graph) map[*graphs.Value]bool {
	backward, kept := map[*graphs.Value]bool{}, map[*graphs.Value]bool{}
	for _, v := range g.Inputs {
		backward[v] = v.Name == artifacts.LossScale
	}
	for _, n := range g.Nodes {
		if !slices.ContainsFunc(n.Inputs, func(v *graphs.Value) bool { return backward[v] }) {
			continue
		}
		for _, v := range n.Outputs {
			backward[v] = true
		}
		for _, v := range n.Inputs {
			v = v.Stored()
			if n := v.Producer(); n != nil && n.Op == "Cast" {
				// A parameter is no activation, and a copy in float32 is made when it is read.
				if from := n.Inputs[0].Stored(); from.Producer() == nil || v.Type == graphs.Float32 {
					v = from
				}
			}
			if !backward[v] && v.Producer() != nil {
				kept[v] = true
			}
		}
	}
	return kept
}

// TestMixedInference: the graph for any number of images mixes too, and its probabilities stay float32.
func TestMixedInference(t *testing.T) {
	if _, err := install.Load(t.Context(), install.Source{}); err != nil {
		t.Fatal(err)
	}
	for kind, half := range halfTypes {
		for name, mix := range map[string]func(g *graphs.Graph){
			"mixed": func(g *graphs.Graph) { g.Mix(half) }, "emulated": func(g *graphs.Graph) { g.MixEmulated(half) },
		} {
			g, err := artifacts.Inference(readGolden(t, "vit_tiny_mean").Config.vit())
			if err != nil {
				t.Fatal(err)
			}
			mix(g)
			if n := g.Outputs[0].Producer(); n.Op != "Softmax" || n.Inputs[0].Type != graphs.Float32 {
				t.Errorf("%s, %s: probabilities are %s", kind, name, n)
			}
			model, err := g.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if name == "mixed" && half == graphs.BFloat16 {
				continue // of which the CPU has no kernels
			}
			s, err := ort.NewSession(model, ort.Options{})
			if err != nil {
				t.Fatalf("%s, %s: %v", kind, name, err)
			}
			s.Close()
		}
	}
}

// TestFloat32StaysAsItIs: without a half-precision type nothing changes.
func TestFloat32StaysAsItIs(t *testing.T) {
	g := training(t, readGolden(t, "vit_tiny_cls"), true)
	before := g.String()
	g.Mix(graphs.Float32)
	g.MixEmulated(graphs.Float32)
	if g.String() != before {
		t.Error("the graph changed")
	}
}
