package autodiff_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
)

// formCases have gradients that are written in a form of their own: as one product,
// as parts that are joined.
var formCases = []ruleCase{
	convolution("Conv of single elements, strides", []int64{2, 4, 7, 8}, []int64{6, 2, 1, 1}, graphs.Attributes{
		"strides": []int64{2, 3}, "group": int64(2)}),
	convolution("Conv 3-D", []int64{2, 2, 4, 5, 6}, []int64{3, 2, 2, 3, 2}, graphs.Attributes{
		"strides": []int64{1, 2, 1}, "pads": []int64{1, 0, 1, 1, 1, 0}, "dilations": []int64{1, 1, 2}}),
	convolution("Conv 3-D of single elements, strides", []int64{2, 2, 4, 5, 6}, []int64{3, 2, 1, 1, 1}, graphs.Attributes{
		"strides": []int64{2, 1, 3}}),
	binary("MatMul of rows", -0.5, []int64{2, 3, 4}, []int64{4, 5}),
	product("com.microsoft.FusedMatMul of rows, transB", []int64{2, 3, 4}, []int64{5, 4}, graphs.TransB),
	{"Slice in parts", -0.5, [][]int64{{4, 9}}, one(func(g *graphs.Graph, x []*value) *value {
		a, b, c := g.Slice(x[0], 1, 5, 8), g.Slice(x[0], 1, 1, 4), g.Slice(x[0], 1, 4, 5) // neighbours, the first last
		return g.Concat(1, g.Exp(a), g.Sin(b), g.Tanh(c))
	})},
	{"Slice of both kinds", -0.5, [][]int64{{4, 6}}, one(func(g *graphs.Graph, x []*value) *value {
		even := g.Apply("Slice", nil, x[0], g.Ints(0), g.Ints(6), g.Ints(1), g.Ints(2))
		odd := g.Apply("Slice", nil, x[0], g.Ints(1), g.Ints(6), g.Ints(1), g.Ints(2))
		middle := g.Slice(x[0], 1, 2, 5) // overlaps
		return g.Concat(1, g.Exp(even), g.Sin(odd), g.Tanh(middle))
	})},
	{"Gather each", -0.5, [][]int64{{3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		at := func(i int64) *value {
			return g.Apply("Gather", graphs.Attributes{"axis": int64(0)}, x[0], g.Reshape(g.Ints(i)))
		}
		return g.Add(g.Exp(at(0)), g.Mul(at(1), at(2)))
	})},
}

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
