package autodiff_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"fovea/graphs"
)

// Cases of operators whose shapes package graphs infers.

func unary(op string, low float64) ruleCase {
	return ruleCase{op, low, [][]int64{{3, 4}},
		one(func(g *graphs.Graph, x []*value) *value { return g.Apply(op, nil, x[0]) })}
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

// kinked applies a function of one number on both sides of each of its kinks, at a distance that finite differences do
// not cross.
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

// spread moves elements apart, so that finite differences do not change their order: element i, in an order that looks
// random, by 2i.
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

// clipped makes a Clip whose bounds are inputs too, 0.5 wide around those given.
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

// stepped applies a function where it is flat.
func stepped(op string) ruleCase {
	return ruleCase{op, 0, [][]int64{{4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Add(x[0], g.Apply(op, nil, g.Add(g.Scale(x[0], 0.25), g.Scalar(0.1))))
	})}
}

var inferredCases = []ruleCase{
	unary("Sin", -0.5), unary("Cos", -0.5), unary("Tan", -0.5),
	unary("Asin", -0.5), unary("Acos", -0.5), unary("Atan", -0.5),
	unary("Sinh", -0.5), unary("Cosh", -0.5), unary("Asinh", -0.5), unary("Acosh", 1.5), unary("Atanh", -0.5),
	unary("Reciprocal", 0.5), unary("Sigmoid", -0.5), unary("Softplus", -0.5), unary("Mish", -0.5),
	stepped("Sign"), stepped("Floor"), stepped("Ceil"), stepped("Round"),
	kinked("Abs", nil, 0), kinked("Softsign", nil, 0), kinked("Relu", nil, 0),
	kinked("LeakyRelu", graphs.Attributes{"alpha": float32(0.3)}, 0),
	kinked("ThresholdedRelu", graphs.Attributes{"alpha": float32(2)}, 2),
	kinked("Elu", graphs.Attributes{"alpha": float32(0.7)}, 0),
	kinked("Celu", graphs.Attributes{"alpha": float32(0.7)}, 0),
	kinked("Selu", nil, 0), kinked("HardSigmoid", nil, -2.5, 2.5), kinked("HardSwish", nil, -3, 3),
	{"PRelu", 0, [][]int64{{2, 3}, {3}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("PRelu", nil, around(g, x[0], []float64{0}), x[1])
	})},
	binary("Sum", -0.5, []int64{3, 4}, []int64{4}), binary("Mean", -0.5, []int64{3, 1}, []int64{4}),
	{"Sum of three", -0.5, [][]int64{{2, 3}, {3}, {2, 1}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("Sum", nil, x...)
	})},
	apart("Max", []float64{0, 2, -3}), apart("Min", []float64{0, 2, -3}), apart("Max of one", []float64{0}),
	{"Max ties", -0.5, [][]int64{{5}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("Max", nil, x[0], x[0], x[0])
	})},
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
		return g.Apply("MaxPool", graphs.Attributes{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2},
			"pads": []int64{1, 1, 1, 1}}, spread(g, x[0]))
	})},
	{"MaxPool ceil_mode", 0, [][]int64{{2, 1, 6, 7}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Apply("MaxPool", graphs.Attributes{"kernel_shape": []int64{3, 2}, "strides": []int64{2, 2},
			"ceil_mode": int64(1)}, spread(g, x[0]))
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
	{"Pow constant", 0.5, [][]int64{{3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Pow(x[0], g.Scalar(1.5))
	})},
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
	{"Reshape", -0.5, [][]int64{{2, 6}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Reshape(x[0], 3, -1))
	})},
	{"Squeeze", -0.5, [][]int64{{2, 1, 3}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Squeeze(x[0], 1))
	})},
	{"Transpose", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Transpose(x[0], 2, 0, 1))
	})},
	{"Expand", -0.5, [][]int64{{3, 1}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Expand(x[0], nil, 2, 3, 4)
	})},
	{"Concat", -0.5, [][]int64{{2, 3}, {2, 1}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Concat(1, x...))
	})},
	{"Split", -0.5, [][]int64{{6, 2}}, func(g *graphs.Graph, x []*value) []*value {
		parts := g.Split(x[0], 0, 1, 2, 3)
		return []*value{g.Exp(parts[0]), g.Exp(parts[2])} // the middle part has no gradient
	}},
	{"Slice", -0.5, [][]int64{{4, 5}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Slice(x[0], 1, 1, 3))
	})},
	{"Pad", -0.5, [][]int64{{2, 3}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.Pad(x[0], 1, 2, 1))
	})},
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
	{"ReduceSum", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.ReduceSum(x[0], false, 0, 2))
	})},
	{"ReduceSum all", -0.5, [][]int64{{2, 3}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.ReduceSum(x[0], true))
	})},
	{"ReduceMean", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Exp(g.ReduceMean(x[0], true, -2))
	})},
	{"Softmax", -0.5, [][]int64{{3, 5}}, one(func(g *graphs.Graph, x []*value) *value { return g.Softmax(x[0], -1) })},
	{"Softmax inner axis", -0.5, [][]int64{{2, 3, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.Softmax(x[0], 1)
	})},
	{"LogSoftmax", -0.5, [][]int64{{3, 5}}, one(func(g *graphs.Graph, x []*value) *value {
		return g.LogSoftmax(x[0], -1)
	})},
	{"LayerNormalization", -0.5, [][]int64{{2, 3, 6}, {6}, {6}}, one(func(g *graphs.Graph, x []*value) *value {
		y, _, _ := g.LayerNormalization(x[0], x[1], x[2], 1e-2)
		return y
	})},
}

// formCases have gradients that are written in a form of their own, such as one product, or parts that are joined.
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
