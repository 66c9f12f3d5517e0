package autodiff_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/diff/fd"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
)

type value = graphs.Value

// A ruleCase builds a function of float32 inputs whose shapes are given. Inputs are drawn from [low, low+1).
type ruleCase struct {
	name   string // operator, and what is special
	low    float64
	shapes [][]int64
	build  func(g *graphs.Graph, x []*value) []*value
}

func one(f func(g *graphs.Graph, x []*value) *value) func(g *graphs.Graph, x []*value) []*value {
	return func(g *graphs.Graph, x []*value) []*value { return []*value{f(g, x)} }
}

// inConformance lists the operators whose rules tools/conformance compares with finite differences on ONNX's own cases.
var inConformance = []string{
	"AffineGrid", "Attention", "CausalConvWithState", "CenterCropPad", "Col2Im", "Compress", "CumProd", "CumSum",
	"DepthToSpace", "DequantizeLinear", "GRU", "GatherElements", "GatherND", "GridSample", "Hardmax",
	"InstanceNormalization", "LRN", "LSTM", "LinearAttention", "LpNormalization", "LpPool", "MaxUnpool",
	"MeanVarianceNormalization", "Mod", "NegativeLogLikelihoodLoss", "RMSNormalization", "RNN", "ReverseSequence",
	"RotaryEmbedding", "Shrink", "SimplifiedLayerNormalization", "SoftmaxCrossEntropyLoss", "Swish", "TensorScatter",
	"Tile", "TopK",

	"com.microsoft.Attention", "com.microsoft.BiasGelu", "com.microsoft.CDist", "com.microsoft.EmbedLayerNormalization",
	"com.microsoft.FastGelu", "com.microsoft.FusedConv", "com.microsoft.FusedGemm", "com.microsoft.Gelu",
	"com.microsoft.Inverse", "com.microsoft.MultiHeadAttention", "com.microsoft.QuickGelu",
	"com.microsoft.RotaryEmbedding",
	"com.microsoft.SkipLayerNormalization", "com.microsoft.SkipSimplifiedLayerNormalization",
	"com.microsoft.TransposeMatMul", "com.microsoft.Trilu",
}

// TestRulesAgainstFiniteDifferences compares, for random directions u and cotangents c, Σ gradient·u with the
// derivative of Σ c·f(x+tu) at t = 0. gonum's central differences give it at two steps; extrapolated, their error is of
// fourth order.
func TestRulesAgainstFiniteDifferences(t *testing.T) {
	covered := map[string]bool{}
	for i, c := range slices.Concat(inferredCases, shapedCases, formCases) {
		t.Run(c.name, func(t *testing.T) { check(t, c, rand.New(rand.NewPCG(1, uint64(i)))) })
		op, _, _ := strings.Cut(c.name, " ")
		covered[op] = true
	}
	for _, op := range autodiff.Operators() {
		if !covered[op] && !slices.Contains(inConformance, op) {
			t.Errorf("the rule of %s is not tested", op)
		}
	}
}

func check(t *testing.T, c ruleCase, rng *rand.Rand) {
	forward, inputs := declare(c)
	for i, y := range c.build(forward, inputs) {
		forward.Output(name("y", i), y)
	}
	backward, inputs := declare(c)
	outputs := c.build(backward, inputs)
	cotangents := map[*value]*value{}
	for i, y := range outputs {
		cotangents[y] = backward.Input(name("c", i), graphs.Float32, y.Shape...)
	}
	gradients, err := autodiff.Backward(backward, cotangents, inputs)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range gradients {
		backward.Output(name("g", i), v)
	}
	backward.RemoveDead()
	backward.Fold()

	points, directions, given := map[string][]float32{}, map[string][]float32{}, map[string][]float32{}
	for i, shape := range c.shapes {
		n := (&value{Shape: shape}).Len()
		points[name("x", i)], directions[name("x", i)] = draw(rng, n, c.low), draw(rng, n, -0.5)
	}
	for i, y := range outputs {
		given[name("c", i)] = draw(rng, y.Len(), -0.5)
	}
	fill := func(n string, x []float32) {
		copy(x, points[n])
		copy(x, given[n])
	}
	got := graphtest.Open(t, backward, ort.Options{}).Run(fill)
	backward.ForCPU()
	same(t, graphtest.Open(t, backward, ort.Options{}).Run(fill), got)
	analytic, size := 0.0, 0.0
	for i := range inputs {
		for j, d := range directions[name("x", i)] {
			term := float64(d) * float64(got[name("g", i)][j])
			analytic += term
			size += math.Abs(term)
		}
	}
	session := graphtest.Open(t, forward, ort.Options{})
	along := func(step float64) float64 {
		out := session.Run(func(n string, x []float32) {
			for j := range x {
				x[j] = points[n][j] + float32(step)*directions[n][j]
			}
		})
		sum := 0.0
		for i := range outputs {
			for j, y := range out[name("y", i)] {
				sum += float64(y) * float64(given[name("c", i)][j])
			}
		}
		return sum
	}
	const step = 1. / 16
	coarse := fd.Derivative(along, 0, &fd.Settings{Formula: fd.Central, Step: step})
	fine := fd.Derivative(along, 0, &fd.Settings{Formula: fd.Central, Step: step / 2})
	numeric := (4*fine - coarse) / 3
	if e := math.Abs(analytic - numeric); !(e <= 1e-4*size) {
		t.Errorf("derivative is %.7f, finite differences give %.7f (%.1e of the terms)\n%s",
			analytic, numeric, e/size, backward)
	}
}

// same compares results but for rounding.
func same(t *testing.T, got, want map[string][]float32) {
	t.Helper()
	for name, values := range want {
		largest, off := 0.0, 0.0
		for i, w := range values {
			largest, off = max(largest, math.Abs(float64(w))), max(off, math.Abs(float64(got[name][i]-w)))
		}
		if len(got[name]) != len(values) || !(off <= 1e-5*largest) {
			t.Errorf("%s is %.1e of its largest entry off", name, off/largest)
		}
	}
}

func declare(c ruleCase) (*graphs.Graph, []*value) {
	g := graphs.New(c.name)
	var inputs []*value
	for i, shape := range c.shapes {
		inputs = append(inputs, g.Input(name("x", i), graphs.Float32, shape...))
	}
	return g, inputs
}

func name(letter string, i int) string { return letter + string(rune('0'+i)) }

func draw(rng *rand.Rand, n int64, low float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(low + rng.Float64())
	}
	return out
}

// normalized puts a batch normalisation behind a convolution. The statistics are inputs too.
func normalized(name string, w []int64, group int64, bias bool) ruleCase {
	c := []int64{w[0]}
	return ruleCase{name, 0.5, [][]int64{{2, w[1] * group, 4, 5}, w, c, c, c, c, c},
		one(func(g *graphs.Graph, x []*value) *value {
			in := x[:2]
			if bias {
				in = x[:3]
			}
			y := g.Apply("Conv", graphs.Attributes{"group": group, "pads": []int64{1, 1, 1, 1}}, in...)
			y = g.Apply("BatchNormalization", graphs.Attributes{"epsilon": float32(1e-3)}, y, x[3], x[4], x[5], x[6])
			return g.Tanh(g.Add(g.Scale(y, 0.02), g.Reshape(x[2], -1, 1, 1)))
		})}
}

func geluOf(name string, write func(g *graphs.Graph, x, erf *value) *value, divide bool) ruleCase {
	return ruleCase{name, -0.5, [][]int64{{3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		s := g.Mul(g.Scalar(1/math.Sqrt2), x[0])
		if divide {
			s = g.Div(x[0], g.Scalar(math.Sqrt2))
		}
		return write(g, x[0], g.Add(g.Erf(s), g.Scalar(1)))
	})}
}

// TestSimplify: a simplified graph has the gradients of the graph, and no longer the nodes that were to go.
func TestSimplify(t *testing.T) {
	for _, c := range []struct {
		ruleCase
		without, with string
	}{
		{normalized("normalised", []int64{3, 2, 3, 3}, 1, false), "BatchNormalization(", "Conv("},
		{normalized("normalised, bias, groups", []int64{4, 1, 3, 3}, 2, true), "BatchNormalization(", "Conv("},
		{geluOf("gelu", func(g *graphs.Graph, x, e *value) *value {
			return g.Scale(g.Mul(x, e), 0.5)
		}, true), "Mul(x0", "Gelu"},
		{geluOf("gelu, half first", func(g *graphs.Graph, x, e *value) *value {
			return g.Mul(e, g.Scale(x, 0.5))
		}, false), "const", "Gelu"},
		{geluOf("no gelu", func(g *graphs.Graph, x, e *value) *value {
			return g.Mul(g.Add(x, g.Scalar(1)), g.Scale(e, 0.5))
		}, true), "Gelu", "Erf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			build := func(simplify bool) (forward string, _ map[string][]float32) {
				g, inputs := declare(c.ruleCase)
				y := c.build(g, inputs)[0]
				if simplify {
					g.Simplify()
				}
				g.Output("y", y)
				g.RemoveDead()
				forward = g.String()
				cotangent := g.Input("c", graphs.Float32, y.Shape...)
				gradients, err := autodiff.Backward(g, map[*value]*value{y: cotangent}, inputs)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range gradients {
					if v != nil {
						g.Output(name("g", i), v)
					}
				}
				g.Fold()
				rng := rand.New(rand.NewPCG(1, 2))
				return forward, graphtest.Open(t, g, ort.Options{}).Run(func(_ string, x []float32) {
					copy(x, draw(rng, int64(len(x)), c.low))
				})
			}
			_, want := build(false)
			forward, got := build(true)
			same(t, got, want)
			if strings.Contains(forward, c.without) || !strings.Contains(forward, c.with) {
				t.Errorf("want %s and not %s in\n%s", c.with, c.without, forward)
			}
		})
	}
}

// TestKernelInRows: the gradient of a kernel is computed row by row for many images, and at once for each image alone.
// The former is the sum of the latter.
func TestKernelInRows(t *testing.T) {
	const images, side = 8, 160
	shapes := func(n int64) (g *graphs.Graph, x, w *value) {
		g = graphs.New("rows")
		return g, g.Input("x", graphs.Float32, n, 4, side, side), g.Input("w", graphs.Float32, 1, 4, 7, 7)
	}
	gradient := func(n int64, fill func(name string, x []float32)) []float32 {
		g, x, w := shapes(n)
		y := g.Apply("Conv", graphs.Attributes{"pads": []int64{3, 3, 3, 3}}, x, w)
		cotangent := g.Input("c", graphs.Float32, y.Shape...)
		gradients, err := autodiff.Backward(g, map[*value]*value{y: cotangent}, []*value{w})
		if err != nil {
			t.Fatal(err)
		}
		g.Output("g", gradients[0])
		g.RemoveDead()
		if inRows := strings.Count(g.String(), "Gemm(") == 7; inRows != (n == images) {
			t.Errorf("%d images: in rows: %t", n, inRows)
		}
		return graphtest.Open(t, g, ort.Options{}).Run(fill)["g"]
	}
	x := draw(rand.New(rand.NewPCG(1, 1)), images*4*side*side, -0.5)
	c := draw(rand.New(rand.NewPCG(1, 2)), images*side*side, -0.5)
	whole := gradient(images, func(name string, to []float32) { copy(to, map[string][]float32{"x": x, "c": c}[name]) })
	sum := make([]float32, len(whole))
	for i := range images {
		part := gradient(1, func(name string, to []float32) {
			copy(to, map[string][]float32{"x": x[i*4*side*side:], "c": c[i*side*side:]}[name])
		})
		for j, v := range part {
			sum[j] += v
		}
	}
	same(t, map[string][]float32{"g": whole}, map[string][]float32{"g": sum})
}
