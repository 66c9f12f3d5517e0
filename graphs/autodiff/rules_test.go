package autodiff_test

import (
	"errors"
	"maps"
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

// A ruleCase builds a function of float32 inputs whose shapes are given.
// Inputs are drawn from [low, low+1).
type ruleCase struct {
	name   string // operator, and what is special
	low    float64
	shapes [][]int64
	build  func(g *graphs.Graph, x []*value) []*value
}

func one(f func(g *graphs.Graph, x []*value) *value) func(g *graphs.Graph, x []*value) []*value {
	return func(g *graphs.Graph, x []*value) []*value { return []*value{f(g, x)} }
}

func unary(op string, low float64) ruleCase {
	return ruleCase{op, low, [][]int64{{3, 4}}, one(func(g *graphs.Graph, x []*value) *value { return g.Apply(op, nil, x[0]) })}
}

func binary(name string, low float64, a, b []int64) ruleCase {
	op, _, _ := strings.Cut(name, " ")
	return ruleCase{name, low, [][]int64{a, b},
		one(func(g *graphs.Graph, x []*value) *value { return g.Apply(op, nil, x[0], x[1]) })}
}

func product(name string, a, b []int64, t graphs.Transposition) ruleCase {
	return ruleCase{name, -0.5, [][]int64{a, b},
		one(func(g *graphs.Graph, x []*value) *value { return g.ScaledMatMul(0.7, x[0], x[1], t) })}
}

// kinked is a function of one number on both sides of each of its kinks, at a
// distance that finite differences do not cross.
func kinked(op string, attributes graphs.Attributes, kinks ...float64) ruleCase {
	return ruleCase{op, 0, [][]int64{{4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply(op, attributes, around(g, x[0], kinks))
	})}
}

func around(g *graphs.Graph, x *value, kinks []float64) *value {
	var sides []*value
	for _, k := range kinks {
		sides = append(sides, g.Add(x, g.Scalar(k+0.1)), g.Add(x, g.Scalar(k-1.1)))
	}
	return g.Concat(0, sides...)
}

func convolution(name string, x, w []int64, a graphs.Attributes) ruleCase {
	return ruleCase{name, -0.5, [][]int64{x, w, {w[0]}},
		one(func(g *graphs.Graph, x []*value) *value { return g.Apply("Conv", a, x...) })}
}

func average(name string, a graphs.Attributes) ruleCase {
	return ruleCase{name, -0.5, [][]int64{{2, 3, 5, 6}}, one(func(g *graphs.Graph, x []*value) *value {
		with := graphs.Attributes{"kernel_shape": []int64{3, 2}}
		maps.Copy(with, a)
		return g.Apply("AveragePool", with, x[0])
	})}
}

// spread moves elements apart, so that finite differences do not change their
// order: element i, in an order that looks random, by 2i.
func spread(g *graphs.Graph, x *value) *value {
	shifts := make([]float32, x.Len())
	for i, p := range rand.New(rand.NewPCG(5, 6)).Perm(len(shifts)) {
		shifts[i] = 2 * float32(p)
	}
	return g.Add(x, g.Floats(shifts, x.Shape...))
}

// apart chooses between values that are shifted away from each other.
func apart(name string, shifts []float64) ruleCase {
	op, _, _ := strings.Cut(name, " ")
	return ruleCase{name, 0, slices.Repeat([][]int64{{4}}, len(shifts)), one(func(g *graphs.Graph, x []*value) *value {
		parts := make([]*value, len(x))
		for i, s := range shifts {
			parts[i] = g.Add(x[i], g.Scalar(s))
		}
		return g.Apply(op, nil, parts...)
	})}
}

// clipped has bounds that are inputs too, 0.5 wide around those given.
func clipped(name string, bounds []float64) ruleCase {
	shapes := [][]int64{{4}}
	for range bounds {
		shapes = append(shapes, []int64{})
	}
	return ruleCase{name, 0, shapes, one(func(g *graphs.Graph, x []*value) *value {
		inputs := []*value{g.Concat(0, g.Scale(x[0], 0.2), g.Add(x[0], g.Scalar(2)), g.Sub(x[0], g.Scalar(3)))}
		for i, b := range bounds {
			inputs = append(inputs, g.Add(g.Scale(x[i+1], 0.5), g.Scalar(b)))
		}
		return g.Apply("Clip", nil, inputs...)
	})}
}

func reduced(op string, low float64) ruleCase {
	return ruleCase{op, low, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply(op, graphs.Attributes{"keepdims": int64(0)}, x[0], g.Ints(0, -1))
	})}
}

// extreme looks for extremes among values that lie a unit and more apart.
func extreme(op string) ruleCase {
	return ruleCase{op, 0, [][]int64{{3}}, one(func(g *graphs.Graph, x []*value) *value {
		far := g.Concat(0, x[0], g.Add(x[0], g.Scalar(2)), g.Sub(x[0], g.Scalar(2)))
		return g.Apply(op, graphs.Attributes{"keepdims": int64(1)}, g.Reshape(far, 3, 3), g.Ints(0))
	})}
}

// stepped is a function that is flat where it is looked at.
func stepped(op string) ruleCase {
	return ruleCase{op, 0, [][]int64{{4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Add(x[0], g.Apply(op, nil, g.Add(g.Scale(x[0], 0.25), g.Scalar(0.1))))
	})}
}

var ruleCases = []ruleCase{
	unary("Sin", -0.5), unary("Cos", -0.5), unary("Tan", -0.5), unary("Asin", -0.5), unary("Acos", -0.5), unary("Atan", -0.5),
	unary("Sinh", -0.5), unary("Cosh", -0.5), unary("Asinh", -0.5), unary("Acosh", 1.5), unary("Atanh", -0.5),
	unary("Reciprocal", 0.5), unary("Sigmoid", -0.5), unary("Softplus", -0.5), unary("Mish", -0.5),
	stepped("Sign"), stepped("Floor"), stepped("Ceil"), stepped("Round"),
	kinked("Abs", nil, 0), kinked("Softsign", nil, 0), kinked("Relu", nil, 0),
	kinked("LeakyRelu", graphs.Attributes{"alpha": float32(0.3)}, 0),
	kinked("ThresholdedRelu", graphs.Attributes{"alpha": float32(2)}, 2),
	kinked("Elu", graphs.Attributes{"alpha": float32(0.7)}, 0), kinked("Celu", graphs.Attributes{"alpha": float32(0.7)}, 0),
	kinked("Selu", nil, 0), kinked("HardSigmoid", nil, -2.5, 2.5), kinked("HardSwish", nil, -3, 3),
	{"PRelu", 0, [][]int64{{2, 3}, {3}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("PRelu", nil, around(g, x[0], []float64{0}), x[1])
	})},
	binary("Sum", -0.5, []int64{3, 4}, []int64{4}), binary("Mean", -0.5, []int64{3, 1}, []int64{4}),
	{"Sum of three", -0.5, [][]int64{{2, 3}, {3}, {2, 1}}, one(func(g *graphs.Graph, x []*value) *value { return g.Apply("Sum", nil, x...) })},
	apart("Max", []float64{0, 2, -3}), apart("Min", []float64{0, 2, -3}), apart("Max of one", []float64{0}),
	{"Max ties", -0.5, [][]int64{{5}}, one(func(g *graphs.Graph, x []*value) *value { return g.Apply("Max", nil, x[0], x[0], x[0]) })},
	{"Where", -0.5, [][]int64{{2, 3}, {3}}, one(func(g *graphs.Graph, x []*value) *value {
		pattern := g.Floats([]float32{1, 0}, 2, 1)
		return g.Where(g.Equal(pattern, g.Scalar(1)), x[0], x[1])
	})},
	clipped("Clip", []float64{-1, 1}), clipped("Clip below", []float64{-1}), clipped("Clip crossed", []float64{1, -1}),
	reduced("ReduceSumSquare", -0.5), reduced("ReduceL1", 0.5), reduced("ReduceL2", 0.5), reduced("ReduceLogSum", 0.5),
	reduced("ReduceLogSumExp", -0.5), extreme("ReduceMax"), extreme("ReduceMin"),
	{"ReduceMax ties", -0.5, [][]int64{{2, 1}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("ReduceMax", graphs.Attributes{"keepdims": int64(0)}, g.Expand(x[0], nil, 2, 3), g.Ints(1))
	})},
	convolution("Conv", []int64{2, 3, 5, 6}, []int64{4, 3, 3, 2}, graphs.Attributes{}),
	convolution("Conv strides, padding", []int64{2, 3, 6, 7}, []int64{4, 3, 3, 3}, graphs.Attributes{
		"strides": []int64{2, 3}, "pads": []int64{1, 0, 2, 1}}),
	convolution("Conv dilated, grouped", []int64{2, 4, 7, 8}, []int64{6, 2, 2, 3}, graphs.Attributes{
		"dilations": []int64{2, 1}, "strides": []int64{1, 2}, "group": int64(2)}),
	convolution("Conv depthwise, 1-D, SAME_UPPER", []int64{2, 3, 9}, []int64{3, 1, 4}, graphs.Attributes{
		"strides": []int64{2}, "group": int64(3), "auto_pad": "SAME_UPPER"}),
	{"MaxPool", 0, [][]int64{{1, 2, 5, 5}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("MaxPool", graphs.Attributes{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}},
			spread(g, x[0]))
	})},
	{"MaxPool ceil_mode", 0, [][]int64{{2, 1, 6, 7}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("MaxPool", graphs.Attributes{"kernel_shape": []int64{3, 2}, "strides": []int64{2, 2}, "ceil_mode": int64(1)},
			spread(g, x[0]))
	})},
	average("AveragePool", graphs.Attributes{"pads": []int64{1, 0, 1, 1}, "strides": []int64{2, 1}}),
	average("AveragePool with padding", graphs.Attributes{"pads": []int64{1, 0, 1, 1}, "count_include_pad": int64(1)}),
	average("AveragePool unpadded", graphs.Attributes{"strides": []int64{2, 2}}),
	{"GlobalMaxPool", 0, [][]int64{{2, 2, 3, 2}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("GlobalMaxPool", nil, spread(g, x[0]))
	})},
	{"GlobalAveragePool", -0.5, [][]int64{{2, 3, 4, 2}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("GlobalAveragePool", nil, x[0])
	})},
	{"BatchNormalization", 0.5, [][]int64{{2, 3, 2, 2}, {3}, {3}, {3}, {3}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("BatchNormalization", graphs.Attributes{"epsilon": float32(1e-2)}, x...)
	})},
	unary("Identity", -0.5), unary("Neg", -0.5), unary("Exp", -0.5), unary("Log", 0.5), unary("Sqrt", 0.5),
	unary("Tanh", -0.5), unary("Erf", -0.5), unary("Gelu", -0.5),
	{"Cast", -0.5, [][]int64{{3}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Cast(g.Cast(x[0], graphs.Float64), graphs.Float32)
	})},
	binary("Add", -0.5, []int64{3, 4}, []int64{3, 4}), binary("Add broadcast", -0.5, []int64{2, 3, 4}, []int64{3, 1}),
	binary("Sub", -0.5, []int64{3, 4}, []int64{4}), binary("Mul", -0.5, []int64{3, 1}, []int64{1, 4}),
	binary("Div", 0.5, []int64{3, 4}, []int64{3, 1}), binary("Pow", 0.5, []int64{3, 4}, []int64{4}),
	{"Pow constant", 0.5, [][]int64{{3, 4}}, one(func(g *graphs.Graph, x []*value) *value { return g.Pow(x[0], g.Scalar(1.5)) })},
	binary("Mul scalar", -0.5, []int64{}, []int64{3, 4}),
	{"Mul square", -0.5, [][]int64{{5}}, one(func(g *graphs.Graph, x []*value) *value { return g.Mul(x[0], x[0]) })},
	binary("MatMul", -0.5, []int64{3, 4}, []int64{4, 5}),
	binary("MatMul batched", -0.5, []int64{2, 3, 4}, []int64{2, 4, 5}),
	binary("MatMul broadcast", -0.5, []int64{1, 4}, []int64{2, 4, 5}),
	product("com.microsoft.FusedMatMul", []int64{2, 3, 4}, []int64{2, 4, 5}, graphs.NoTrans),
	product("com.microsoft.FusedMatMul transA", []int64{2, 4, 3}, []int64{2, 4, 5}, graphs.TransA),
	product("com.microsoft.FusedMatMul transB", []int64{2, 3, 4}, []int64{2, 5, 4}, graphs.TransB),
	product("com.microsoft.FusedMatMul both", []int64{2, 4, 3}, []int64{2, 5, 4}, graphs.TransA|graphs.TransB),
	product("Gemm", []int64{3, 4}, []int64{4, 5}, graphs.NoTrans),
	product("Gemm transA", []int64{4, 3}, []int64{4, 5}, graphs.TransA),
	product("Gemm both", []int64{4, 3}, []int64{5, 4}, graphs.TransA|graphs.TransB),
	{"Gemm bias", -0.5, [][]int64{{3, 4}, {5, 4}, {5}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("Gemm", graphs.Attributes{"transB": int64(1), "beta": float32(0.5)}, x[0], x[1], x[2])
	})},
	{"Reshape", -0.5, [][]int64{{2, 6}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.Reshape(x[0], 3, -1)) })},
	{"Squeeze", -0.5, [][]int64{{2, 1, 3}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.Squeeze(x[0], 1)) })},
	{"Transpose", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.Transpose(x[0], 2, 0, 1)) })},
	{"Expand", -0.5, [][]int64{{3, 1}}, one(func(g *graphs.Graph, x []*value) *value { return g.Expand(x[0], nil, 2, 3, 4) })},
	{"Concat", -0.5, [][]int64{{2, 3}, {2, 1}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.Concat(1, x...)) })},
	{"Split", -0.5, [][]int64{{6, 2}}, func(g *graphs.Graph, x []*value) []*value {
		parts := g.Split(x[0], 0, 1, 2, 3)
		return []*value{g.Exp(parts[0]), g.Exp(parts[2])} // the middle part has no gradient
	}},
	{"Slice", -0.5, [][]int64{{4, 5}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.Slice(x[0], 1, 1, 3)) })},
	{"Pad", -0.5, [][]int64{{2, 3}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.Pad(x[0], 1, 2, 1)) })},
	{"Slice steps", -0.5, [][]int64{{7, 5}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Apply("Slice", nil, x[0], g.Ints(1, 0), g.Ints(7, 5), g.Ints(0, 1), g.Ints(3, 1)))
	})},
	{"Slice backwards", -0.5, [][]int64{{3, 5}}, one(func(g *graphs.Graph, x []*value) *value {
		n := &graphs.Node{Op: "Slice", Inputs: []*value{x[0], g.Ints(4), g.Ints(0), g.Ints(1), g.Ints(-2)}}
		return g.Exp(g.Append(n, &value{Name: "backwards", Type: graphs.Float32, Shape: []int64{3, 2}})[0])
	})},
	{"Gather", -0.5, [][]int64{{3, 4, 2}}, one(func(g *graphs.Graph, x []*value) *value {
		index := g.Reshape(g.Ints(1, 3, 1, -1, 0, 1), 2, 3)
		return g.Exp(g.Apply("Gather", graphs.Attributes{"axis": int64(1)}, x[0], index))
	})},
	{"Gather one", -0.5, [][]int64{{3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Apply("Gather", graphs.Attributes{"axis": int64(-1)}, x[0], g.Reshape(g.Ints(2))))
	})},
	{"ReduceSum", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.ReduceSum(x[0], false, 0, 2)) })},
	{"ReduceSum all", -0.5, [][]int64{{2, 3}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.ReduceSum(x[0], true)) })},
	{"ReduceMean", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value { return g.Exp(g.ReduceMean(x[0], true, -2)) })},
	{"Softmax", -0.5, [][]int64{{3, 5}}, one(func(g *graphs.Graph, x []*value) *value { return g.Softmax(x[0], -1) })},
	{"Softmax inner axis", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value { return g.Softmax(x[0], 1) })},
	{"LogSoftmax", -0.5, [][]int64{{3, 5}}, one(func(g *graphs.Graph, x []*value) *value { return g.LogSoftmax(x[0], -1) })},
	{"LayerNormalization", -0.5, [][]int64{{2, 3, 6}, {6}, {6}}, one(func(g *graphs.Graph, x []*value) *value {
		y, _, _ := g.LayerNormalization(x[0], x[1], x[2], 1e-2)
		return y
	})},
}

// TestRulesAgainstFiniteDifferences compares, for random directions u and
// cotangents c, Σ gradient·u with the derivative of Σ c·f(x+tu) at t = 0, which
// gonum's central differences give at two steps; extrapolated, their error is
// of fourth order.
func TestRulesAgainstFiniteDifferences(t *testing.T) {
	covered := map[string]bool{}
	for i, c := range slices.Concat(ruleCases, moreCases, formCases) {
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
		t.Errorf("derivative is %.7f, finite differences give %.7f (%.1e of the terms)\n%s", analytic, numeric, e/size, backward)
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

// TestAbsentGradient: what the result does not depend on has no gradient.
func TestAbsentGradient(t *testing.T) {
	g := graphs.New("absent")
	x, unused := g.Input("x", graphs.Float32, 2), g.Input("unused", graphs.Float32, 2)
	g.Exp(unused)
	y := g.Exp(x)
	gradients, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 2)}, []*value{x, unused})
	if err != nil || gradients[0] == nil || gradients[1] != nil {
		t.Errorf("gradients are %v, %v: want one of x and none of unused", gradients, err)
	}
}

// TestRefusal: a node without a rule is named, with what lies behind it.
func TestRefusal(t *testing.T) {
	g := graphs.New("refusal")
	w := g.Input("layer.weight", graphs.Float32, 3)
	y := g.Append(&graphs.Node{Op: "Unique", Inputs: []*value{w}}, &value{Type: graphs.Float32, Shape: []int64{3}})[0]
	_, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 3)}, []*value{w})
	var refused *autodiff.Unsupported
	if !errors.As(err, &refused) || refused.Node.Op != "Unique" || len(refused.Towards) != 1 {
		t.Fatalf("error is %v", err)
	}
	for _, part := range []string{"Unique", "layer.weight", "float32[3]", "opset 20"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// TestDomain: an operator of another domain is not taken for the standard one.
func TestDomain(t *testing.T) {
	for domain, want := range map[string]string{"elsewhere": "no rule for this operator", "com.microsoft.nchwc": "use the one that it was made of"} {
		g := graphs.New("domain")
		x := g.Input("x", graphs.Float32, 1, 2, 4)
		y := g.Append(&graphs.Node{Op: "Attention", Domain: domain, Inputs: []*value{x, x, x}},
			&value{Type: graphs.Float32, Shape: []int64{1, 2, 4}})[0]
		_, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 1, 2, 4)}, []*value{x})
		if refused := (*autodiff.Unsupported)(nil); !errors.As(err, &refused) || !strings.HasSuffix(refused.Reason, want) {
			t.Errorf("%s: error is %v", domain, err)
		}
	}
}

// TestEmptyResult: on a result without elements nothing depends.
func TestEmptyResult(t *testing.T) {
	g := graphs.New("empty result")
	x, w := g.Input("x", graphs.Float32, 0, 2, 4, 4), g.Input("w", graphs.Float32, 2, 2, 1, 1)
	y := g.Apply("Conv", nil, x, w)
	gradients, err := autodiff.Backward(g, map[*value]*value{y: g.Input("c", graphs.Float32, y.Shape...)}, []*value{x, w})
	if err != nil || gradients[1] != nil {
		t.Errorf("gradients are %v, %v: want none of w", gradients, err)
	}
}

// TestEmptyTensor: a tensor without elements has no gradient, and what it is
// joined with has its own.
func TestEmptyTensor(t *testing.T) {
	g := graphs.New("empty")
	x, nothing := g.Input("x", graphs.Float32, 2, 3), g.Input("nothing", graphs.Float32, 2, 0)
	tiled := g.Append(&graphs.Node{Op: "Tile", Inputs: []*value{nothing, g.Ints(1, 3)}}, &value{Type: graphs.Float32, Shape: []int64{2, 0}})[0]
	y := g.Concat(1, x, tiled)
	gradients, err := autodiff.Backward(g, map[*value]*value{y: g.Filled(1, 2, 3)}, []*value{x, nothing})
	if err != nil || gradients[0] == nil || gradients[1] != nil {
		t.Errorf("gradients are %v, %v: want one of x and none of nothing", gradients, err)
	}
}
