package autodiff_test

import "fovea/graphs"

// Cases of operators whose result has a shape that the case gives.

// applied makes a node of any operator on one input or more, whose result has a known shape.
func applied(name, op string, low float64, shapes [][]int64, a graphs.Attributes, result []int64,
	constants ...func(g *graphs.Graph) *value) ruleCase {
	return ruleCase{name, low, shapes, one(func(g *graphs.Graph, x []*value) *value {
		for _, c := range constants {
			x = append(x, c(g))
		}
		y := &value{Type: graphs.Float32, Shape: result}
		return g.Append(&graphs.Node{Op: op, Attributes: a, Inputs: x}, y)[0]
	})}
}

// integers makes a constant; of rank 0 if shape says so.
func integers(shape []int64, values ...int64) func(g *graphs.Graph) *value {
	return func(g *graphs.Graph) *value { return g.Reshape(g.Ints(values...), shape...) }
}

func absent(*graphs.Graph) *value { return nil }

func transposed(name string, x, w, y []int64, a graphs.Attributes) ruleCase {
	return applied("ConvTranspose "+name, "ConvTranspose", -0.5, [][]int64{x, w, {y[1]}}, a, y)
}

func padded(mode string, result []int64, pads ...int64) ruleCase {
	return applied("Pad "+mode, "Pad", -0.5, [][]int64{{3, 4}}, graphs.Attributes{"mode": mode}, result,
		integers([]int64{4}, pads...))
}

func einsum(equation string, result []int64, shapes ...[]int64) ruleCase {
	return applied("Einsum "+equation, "Einsum", -0.5, shapes, graphs.Attributes{"equation": equation}, result)
}

// scattered writes values that lie apart. Where they are combined, some go to the same place.
func scattered(reduction string) ruleCase {
	return ruleCase{"ScatterND " + reduction, 0, [][]int64{{5}, {4}}, one(func(g *graphs.Graph, x []*value) *value {
		index := g.Reshape(g.Ints(1, 4, 1, 0), 4, 1)
		if reduction == "none" {
			index = g.Reshape(g.Ints(1, 4, 2, 0), 4, 1)
		}
		data, updates := spread(g, g.Scale(x[0], 0.5)), g.Add(spread(g, g.Scale(x[1], 0.5)), g.Scalar(1))
		y := &value{Type: graphs.Float32, Shape: []int64{5}}
		return g.Append(&graphs.Node{Op: "ScatterND", Attributes: graphs.Attributes{"reduction": reduction},
			Inputs: []*value{g.Scale(data, 3), index, g.Scale(updates, 3)}}, y)[0]
	})}
}

// gatheredTwice reads rows, some of them twice, counted from both ends.
func gatheredTwice(g *graphs.Graph, x []*value) *value {
	y := &value{Type: graphs.Float32, Shape: []int64{2, 2, 2}}
	index := g.Reshape(g.Ints(0, 2, -1, 1, 1, -2, 0, -1), 2, 2, 2)
	return g.Append(&graphs.Node{Op: "GatherND", Inputs: []*value{x[0], index}}, y)[0]
}

// resized makes a Resize to sizes, with the coordinates of ONNX's default.
func resized(name string, a graphs.Attributes, x, y []int64) ruleCase {
	return applied("Resize "+name, "Resize", -0.5, [][]int64{x}, a, y, absent, absent,
		integers([]int64{int64(len(y))}, y...))
}

// number makes a constant of rank 0.
func number(x byte) func(g *graphs.Graph) *value {
	return func(g *graphs.Graph) *value {
		return g.Constant(graphs.Int64, []int64{}, []byte{x, 0, 0, 0, 0, 0, 0, 0})
	}
}

func determinant(name string, n int64) ruleCase {
	return applied("Det "+name, "Det", -0.5, [][]int64{{2, n, n}}, nil, []int64{2})
}

var shapedCases = []ruleCase{
	determinant("1×1", 1), determinant("2×2", 2), determinant("5×5", 5),
	applied("DFT of real numbers", "DFT", -0.5, [][]int64{{2, 5, 3, 1}}, graphs.Attributes{"onesided": int64(1)},
		[]int64{2, 3, 3, 2}, absent, number(1)),
	applied("DFT longer", "DFT", -0.5, [][]int64{{2, 4, 2}}, nil, []int64{2, 6, 2}, number(6), number(1)),
	applied("DFT shorter, inverse", "DFT", -0.5, [][]int64{{2, 4, 3, 2}}, graphs.Attributes{"inverse": int64(1)},
		[]int64{2, 3, 3, 2}, number(3), number(1)),
	applied("STFT", "STFT", -0.5, [][]int64{{2, 9}}, nil, []int64{2, 3, 3, 2}, number(2), absent, number(4)),
	applied("STFT with a window", "STFT", -0.5, [][]int64{{2, 9, 1}}, graphs.Attributes{"onesided": int64(0)},
		[]int64{2, 2, 4, 2}, number(4), func(g *graphs.Graph) *value { return g.Floats([]float32{0.2, 0.8, 0.9, 0.3}, 4) }),
	{"DeformConv", 0, [][]int64{{2, 4, 6, 5}, {6, 2, 2, 3}, {2, 24, 3, 3}}, one(func(g *graphs.Graph, x []*value) *value {
		a := graphs.Attributes{"strides": []int64{2, 1}, "dilations": []int64{2, 1}, "pads": []int64{1, 0, 0, 0},
			"group": int64(2), "offset_group": int64(2)}
		offsets := g.Add(g.Scale(x[2], 0.5), g.Scalar(0.25)) // between elements
		return g.Append(&graphs.Node{Op: "DeformConv", Attributes: a, Inputs: []*value{x[0], x[1], offsets}},
			&value{Type: graphs.Float32, Shape: []int64{2, 6, 3, 3}})[0]
	})},
	{"RoiAlign", 0, [][]int64{{2, 3, 6, 7}, {4, 4}}, one(func(g *graphs.Graph, x []*value) *value {
		rois := g.Add(g.Scale(x[1], 0.05), g.Floats([]float32{0, 0, 8, 9, 2, 1, 3, 9, -3, -2, 11, 5, 9, 9, 12, 14}, 4, 4))
		a := graphs.Attributes{"output_height": int64(2), "output_width": int64(3), "sampling_ratio": int64(2),
			"spatial_scale": float32(0.5)}
		return g.Append(&graphs.Node{Op: "RoiAlign", Attributes: a, Inputs: []*value{x[0], rois, g.Ints(0, 1, 1, 0)}},
			&value{Type: graphs.Float32, Shape: []int64{4, 3, 2, 3}})[0]
	})},
	transposed("output_shape", []int64{2, 3, 4}, []int64{3, 2, 4}, []int64{2, 2, 7},
		graphs.Attributes{"strides": []int64{2}, "output_shape": []int64{7}}),
	transposed("SAME_UPPER", []int64{1, 3, 4}, []int64{3, 2, 3}, []int64{1, 2, 8},
		graphs.Attributes{"strides": []int64{2}, "auto_pad": "SAME_UPPER"}),
	transposed("SAME_LOWER", []int64{1, 3, 4}, []int64{3, 2, 3}, []int64{1, 2, 8},
		graphs.Attributes{"strides": []int64{2}, "auto_pad": "SAME_LOWER"}),
	transposed("VALID", []int64{1, 3, 4}, []int64{3, 2, 3}, []int64{1, 2, 9},
		graphs.Attributes{"strides": []int64{2}, "auto_pad": "VALID"}),
	transposed("grouped, dilated", []int64{2, 4, 3, 5}, []int64{4, 3, 2, 3}, []int64{2, 6, 5, 11}, graphs.Attributes{
		"strides": []int64{2, 2}, "dilations": []int64{2, 1}, "group": int64(2), "pads": []int64{1, 0, 1, 1},
		"output_padding": []int64{0, 1}}),
	padded("reflect", []int64{6, 5}, 1, 0, 2, 1), padded("edge", []int64{6, 5}, 1, 0, 2, 1),
	padded("wrap", []int64{6, 5}, 1, 0, 2, 1),
	padded("constant", []int64{4, 2}, 2, -1, -1, -1),
	einsum("bij,bjk->bik", []int64{2, 3, 5}, []int64{2, 3, 4}, []int64{2, 4, 5}),
	einsum("B H I J, B H J d -> B H I d", []int64{2, 1, 3, 2}, []int64{2, 1, 3, 4}, []int64{2, 1, 4, 2}),
	einsum("aZ,ZB->Ba", []int64{4, 2}, []int64{2, 3}, []int64{3, 4}),
	einsum("ij,jk", []int64{2, 4}, []int64{2, 3}, []int64{3, 4}),
	einsum("...hd,...kd,h->...hk", []int64{2, 3, 4}, []int64{2, 3, 5}, []int64{2, 4, 5}, []int64{3}),
	einsum("ii->i", []int64{3}, []int64{3, 3}), einsum("bij,k->bk", []int64{2, 4}, []int64{2, 3, 5}, []int64{4}),
	{"ReduceProd zeros", -0.5, [][]int64{{3, 3}}, one(func(g *graphs.Graph, x []*value) *value {
		// No, one and two elements are 0 where the gradient is taken.
		holes := g.Floats([]float32{1, 1, 1, 1, 0, 1, 0, 1, 0}, 3, 3)
		y := &value{Type: graphs.Float32, Shape: []int64{3}}
		return g.Append(&graphs.Node{Op: "ReduceProd", Attributes: graphs.Attributes{"keepdims": int64(0)},
			Inputs: []*value{g.Mul(x[0], holes), g.Ints(1)}}, y)[0]
	})},
	scattered("none"), scattered("add"), scattered("mul"), scattered("max"), scattered("min"),
	{"GatherND of places named twice", 0, [][]int64{{2, 3, 2}}, one(gatheredTwice)},
	applied("ScatterElements", "ScatterElements", -0.5, [][]int64{{3, 3}}, graphs.Attributes{"axis": int64(-1)},
		[]int64{3, 3}, integers([]int64{2, 2}, 0, 2, 1, -3), func(g *graphs.Graph) *value { return g.Filled(2, 2, 2) }),
	applied("Trilu", "Trilu", -0.5, [][]int64{{2, 3, 4}}, graphs.Attributes{"upper": int64(0)}, []int64{2, 3, 4},
		integers([]int64{}, 1)),
	applied("SpaceToDepth", "SpaceToDepth", -0.5, [][]int64{{2, 3, 4, 6}}, graphs.Attributes{"blocksize": int64(2)},
		[]int64{2, 12, 2, 3}),
	applied("GroupNormalization of opset 18", "GroupNormalization", -0.5, [][]int64{{2, 6, 3}, {2}, {2}},
		graphs.Attributes{"num_groups": int64(2), "epsilon": float32(0.01)}, []int64{2, 6, 3}),
	applied("Gelu tanh", "Gelu", -0.5, [][]int64{{3, 4}}, graphs.Attributes{"approximate": "tanh"}, []int64{3, 4}),
	resized("linear", graphs.Attributes{"mode": "linear"}, []int64{1, 2, 4, 3}, []int64{1, 2, 3, 7}),
	resized("cubic", graphs.Attributes{"mode": "cubic"}, []int64{1, 2, 4, 5}, []int64{1, 2, 7, 3}),
	resized("nearest", graphs.Attributes{"mode": "nearest"}, []int64{2, 3, 4}, []int64{2, 5, 3}),
	{"CastLike", -0.5, [][]int64{{3}}, one(func(g *graphs.Graph, x []*value) *value {
		y := &value{Type: graphs.Float32, Shape: []int64{3}}
		return g.Append(&graphs.Node{Op: "CastLike", Inputs: []*value{g.Exp(x[0]), g.Scalar(1)}}, y)[0]
	})},
	{"OneHot", -0.5, [][]int64{{2}}, one(func(g *graphs.Graph, x []*value) *value {
		y := &value{Type: graphs.Float32, Shape: []int64{3, 4}}
		return g.Append(&graphs.Node{Op: "OneHot", Inputs: []*value{g.Ints(1, 3, -2), g.Ints(4), x[0]}}, y)[0]
	})},
	average("AveragePool ceil_mode", graphs.Attributes{"strides": []int64{3, 2}, "ceil_mode": int64(1)}),
	{"LayerNormalization of a vector", -0.5, [][]int64{{4}, {4}, {4}}, one(func(g *graphs.Graph, x []*value) *value {
		y, _, _ := g.LayerNormalization(x[0], x[1], x[2], 1e-2)
		return y
	})},
	{"LayerNormalization axis 1", -0.5, [][]int64{{2, 3, 4}, {3, 4}, {3, 4}},
		one(func(g *graphs.Graph, x []*value) *value {
			return g.Apply("LayerNormalization", graphs.Attributes{"axis": int64(1), "epsilon": float32(0.01)}, x...)
		})},
}
