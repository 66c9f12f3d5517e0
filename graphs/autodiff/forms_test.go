package autodiff_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/graphtest"
	"fovea/onnx/ort"
)

// normalized is a convolution and batch normalisation behind each other. The
// statistics are inputs too.
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

// TestSimplify: the gradients of a simplified graph are those of the graph, and
// what was to go is gone.
func TestSimplify(t *testing.T) {
	for _, c := range []struct {
		ruleCase
		without, with string
	}{
		{normalized("normalised", []int64{3, 2, 3, 3}, 1, false), "BatchNormalization(", "Conv("},
		{normalized("normalised, bias, groups", []int64{4, 1, 3, 3}, 2, true), "BatchNormalization(", "Conv("},
		{geluOf("gelu", func(g *graphs.Graph, x, e *value) *value { return g.Scale(g.Mul(x, e), 0.5) }, true), "Mul(x0", "Gelu"},
		{geluOf("gelu, half first", func(g *graphs.Graph, x, e *value) *value { return g.Mul(e, g.Scale(x, 0.5)) }, false), "const", "Gelu"},
		{geluOf("no gelu", func(g *graphs.Graph, x, e *value) *value { return g.Mul(g.Add(x, g.Scalar(1)), g.Scale(e, 0.5)) }, true), "Gelu", "Erf"},
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

// TestKernelInRows: the gradient of a kernel that is computed row by row, for its
// size, is the sum of those of the images by themselves, which are not.
func TestKernelInRows(t *testing.T) {
	const images, side = 8, 160
	shapes := func(n int64) (g *graphs.Graph, x, w *value) {
		g = graphs.New("rows")
		return g, g.Input("x", graphs.Float32, n, 4, side, side), g.Input("w", graphs.Float32, 1, 4, 7, 7)
	}
	gradient := func(n int64, fill func(name string, x []float32)) []float32 {
		g, x, w := shapes(n)
		y := g.Apply("Conv", graphs.Attributes{"pads": []int64{3, 3, 3, 3}}, x, w)
		gradients, err := autodiff.Backward(g, map[*value]*value{y: g.Input("c", graphs.Float32, y.Shape...)}, []*value{w})
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
	x, c := draw(rand.New(rand.NewPCG(1, 1)), images*4*side*side, -0.5), draw(rand.New(rand.NewPCG(1, 2)), images*side*side, -0.5)
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
