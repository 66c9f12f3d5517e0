package artifacts_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

var halfTypes = map[string]pb.TensorProto_DataType{"bfloat16": graphs.BFloat16, "float16": graphs.Float16}

// autocast holds, for each gradient, the relative error of PyTorch's autocast and 1 minus the cosine to the float32
// gradient, as tools/oracle/autocast.py measured them.
type autocast struct {
	Cases []struct {
		Case, Type string
		Loss       float64
		Gradients  map[string][2]float64
	}
}

// TestMixedGradients: what half precision changes about loss and gradients is no more than what it changes in PyTorch,
// but for chance: another order of a sum already turns roundings, and so errors, of which a case has a few dozen. Ours
// were 0.9 to 1.3 times PyTorch's in the mean over the tensors of a case, and at most 1.9 times of any tensor.
func TestMixedGradients(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every precision")
	}
	const mean, single = 1.5, 2.5 // of PyTorch's error
	var want autocast
	graphtest.ReadGolden(t, "testdata/autocast.json.gz", &want)
	exact := map[string]map[string][]float32{}
	for _, c := range want.Cases {
		t.Run(c.Case+"/"+c.Type, func(t *testing.T) {
			golden := readGolden(t, c.Case)
			if exact[c.Case] == nil {
				exact[c.Case] = graphtest.Open(t, training(t, golden, false), ort.Options{}).Run(golden.fillFrom(t))
			}
			g := training(t, golden, false)
			g.MixEmulated(halfTypes[c.Type])
			got := graphtest.Open(t, g, ort.Options{}).Run(golden.fillFrom(t))
			var ours, theirs, worst float64
			var worstName string
			for name, pytorch := range c.Gradients {
				relative, cosine := errorOf(got[artifacts.Grad(name)], exact[c.Case][artifacts.Grad(name)])
				ours, theirs = ours+relative*relative, theirs+pytorch[0]*pytorch[0]
				if ratio := relative / pytorch[0]; ratio > worst {
					worst, worstName = ratio, name
				}
				// An error across the gradient turns it by half its square.
				if !(relative <= single*pytorch[0]) || !(cosine <= single*single*pytorch[0]*pytorch[0]/2) {
					t.Errorf("%s: error %.1e, 1 - cosine %.1e, by PyTorch %.1e and %.1e", name, relative, cosine,
						pytorch[0], pytorch[1])
				}
			}
			ours, theirs = math.Sqrt(ours/float64(len(c.Gradients))), math.Sqrt(theirs/float64(len(c.Gradients)))
			if !(ours <= mean*theirs) {
				t.Errorf("the gradients' error is %.1e, by PyTorch %.1e", ours, theirs)
			}
			loss := math.Abs(float64(got[artifacts.Loss][0])/float64(exact[c.Case][artifacts.Loss][0]) - 1)
			if limit := map[string]float64{"bfloat16": 5e-3, "float16": 6e-4}[c.Type]; !(loss <= limit) {
				t.Errorf("the loss is off by %.1e, by PyTorch %.1e", loss, c.Loss)
			}
			t.Logf("loss off by %.1e (PyTorch %.1e), gradients by %.2e (%.2e), %s by %.2f times PyTorch's",
				loss, math.Abs(c.Loss), ours, theirs, worstName, worst)
		})
	}
}

// errorOf returns the relative error of a gradient, and 1 - its cosine to the right one.
func errorOf(got, want []float32) (relative, cosine float64) {
	var off, square, both float64
	for i, w := range want {
		g, w := float64(got[i]), float64(w)
		off, square, both = off+(g-w)*(g-w), square+w*w, both+g*w
	}
	return math.Sqrt(off / square), 1 - both/norm(got)/math.Sqrt(square)
}

// training returns the training graph of a golden case.
func training(t *testing.T, c *golden, recompute bool) *graphs.Graph {
	t.Helper()
	g, err := artifacts.Training(artifacts.ViT(c.Config.vit()), int64(c.Config.Batch),
		artifacts.Options{Recompute: recompute})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestMixedRecomputeChangesNothing: all that is computed again is rounded again in the same places.
func TestMixedRecomputeChangesNothing(t *testing.T) {
	for _, name := range []string{"vit_tiny_mean_twice", "vit_tiny_dinov2"} {
		for kind, half := range halfTypes {
			c := readGolden(t, name)
			run := func(recompute bool) map[string][]float32 {
				g := training(t, c, recompute)
				g.MixEmulated(half)
				return graphtest.Open(t, g, ort.Options{}).Run(c.fillFrom(t))
			}
			again := run(true)
			for output, want := range run(false) {
				if !slices.Equal(again[output], want) {
					t.Errorf("%s in %s: %s differs", name, kind, output)
				}
			}
		}
	}
}

// TestEmulationSurvivesOptimizers: the runtime runs each of the casts that round, with all its optimizers, with those
// that training leaves and behind what prepares a graph for the CPU.
func TestEmulationSurvivesOptimizers(t *testing.T) {
	c := readGolden(t, "vit_tiny_mean")
	for kind, half := range halfTypes {
		for name, o := range map[string]ort.Options{"all optimizers": {},
			"those of training": {Config: map[string]string{
				"optimization.disable_specified_optimizers": "MatmulTransposeFusion;GemmTransposeFusion;MatMulAddFusion"}}} {
			g := training(t, c, true)
			g.MixEmulated(half)
			if o.Config != nil {
				g.ForCPU()
			}
			run := map[string]bool{}
			for _, node := range executed(t, g, o) {
				run[node] = true
			}
			casts, missing := 0, 0
			for _, n := range g.Nodes {
				if n.Op == "Cast" {
					casts++
					if !run[n.Outputs[0].Name] {
						missing++
					}
				}
			}
			if missing > 0 || casts == 0 {
				t.Errorf("%s, %s: %d of %d casts are not run", kind, name, missing, casts)
			}
		}
	}
}

// TestOverflow: a sum or product beyond float16's numbers arrives as infinity or NaN in the gradients, from the forward
// pass and from the backward pass; in bfloat16 it is a number like others.
func TestOverflow(t *testing.T) {
	c := readGolden(t, "vit_tiny_mean")
	for name, factor := range map[string]struct {
		scale, weight float32
	}{"forward": {1, 1e6}, "backward": {1 << 24, 1}} {
		for kind, half := range halfTypes {
			g := training(t, c, false)
			g.MixEmulated(half)
			fill := c.fillFrom(t)
			got := graphtest.Open(t, g, ort.Options{}).Run(func(input string, x []float32) {
				fill(input, x)
				switch input {
				case artifacts.LossScale:
					x[0] = factor.scale
				case "blocks.1.mlp.fc1.weight":
					for i := range x {
						x[i] *= factor.weight
					}
				}
			})
			bad := 0
			for _, p := range c.Config.vit().Parameters() {
				if !slices.ContainsFunc(got[artifacts.Grad(p.Name)],
					func(x float32) bool { return math.IsInf(float64(x), 0) || x != x }) {
					continue
				}
				bad++
			}
			if finite := half == graphs.BFloat16; finite != (bad == 0) {
				t.Errorf("%s in %s: %d gradients are not finite", name, kind, bad)
			}
		}
	}
}

// TestLossScale: gradients below float16's smallest number survive if the loss is scaled.
func TestLossScale(t *testing.T) {
	c := readGolden(t, "vit_tiny_mean")
	run := func(scale float32, mix bool) map[string][]float32 {
		g := training(t, c, false)
		if mix {
			g.MixEmulated(graphs.Float16)
		}
		fill := c.fillFrom(t)
		return graphtest.Open(t, g, ort.Options{}).Run(func(input string, x []float32) {
			fill(input, x)
			switch input {
			case artifacts.LossScale:
				x[0] = scale
			case artifacts.Targets: // as if the images counted next to nothing
				for i := range x {
					x[i] *= 5e-7
				}
			}
		})
	}
	const weight = "blocks.0.mlp.fc1.weight"
	exact, unscaled, scaled := run(1, false), run(1, true), run(65536, true)
	if n := norm(unscaled[artifacts.Grad(weight)]); n != 0 {
		t.Errorf("without a scale the gradient of %s has length %v: the test needs smaller ones", weight, n)
	}
	for output, want := range exact {
		if !strings.HasSuffix(output, artifacts.Grad("")) {
			continue
		}
		got := scaled[output]
		for i := range got {
			got[i] /= 65536
		}
		if off, _ := errorOf(got, want); !(off <= 0.01) {
			t.Errorf("%s is %.1e off", output, off)
		}
	}
}
