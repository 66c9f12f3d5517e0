package randomgraphs

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// Operators that move elements, in the forms of all opsets.

func reshape(m *maker) {
	x := m.take(8)
	shape := m.factors(x.len())
	to := slices.Clone(shape)
	if len(to) > 0 && m.chance(0.4) {
		to[m.IntN(len(to))] = -1
	} else if len(to) > 0 && x.rank() > 0 && to[0] == x.shape[0] {
		to[0] = 0
	}
	if len(to) == 0 { // an empty shape
		m.apply("Reshape", nil, nil, x.size, x, m.integers(false, nil, 0))
		return
	}
	if m.chance(0.3) {
		m.apply("Reshape", nil, shape, x.size, x, m.fromShape(to))
		return
	}
	m.apply("Reshape", nil, shape, x.size, x, m.ints(to...))
}

// fromShape computes a list of integers from the shape of a value, as exporters do for sizes that may differ.
func (m *maker) fromShape(list []int64) *tensor {
	of := m.any()
	integer := func(op string, a attributes, shape []int64, in ...*tensor) *tensor {
		return m.apply(op, a, shape, 0, in...)
	}
	s := integer("Shape", nil, []int64{int64(of.rank())}, of)
	zero := integer("Sub", nil, s.shape, s, s)
	var total *tensor
	if m.opset < 13 {
		total = integer("ReduceSum", attributes{"axes": []int64{0}, "keepdims": 1}, []int64{1}, zero)
	} else {
		total = integer("ReduceSum", attributes{"keepdims": 1}, []int64{1}, zero, m.ints(0))
	}
	constant := &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_INT64)), Dims: []int64{int64(len(list))},
		Int64Data: list}
	return integer("Add", nil, constant.Dims, total, integer("Constant", attributes{"value": constant}, constant.Dims))
}

// factors returns a shape of n elements.
func (m *maker) factors(n int64) []int64 {
	var out []int64
	for _, f := range []int64{2, 3, 2, 5, 3, 2, 4} {
		if n%f == 0 && n > 1 && m.chance(0.6) {
			out = append(out, f)
			n /= f
		}
	}
	if n > 1 || m.chance(0.3) {
		out = append(out, n)
	}
	m.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for len(out) > 4 {
		out = append(out[:3], out[3]*out[4])
	}
	return out
}

func flatten(m *maker) {
	x := m.ranked(8, 1, 4)
	axis, named := m.axis(x)
	if m.opset < 11 {
		named = int64(axis)
	}
	m.apply("Flatten", attributes{"axis": named}, []int64{product(x.shape[:axis]), product(x.shape[axis:])}, x.size, x)
}

// axesOf hands over axes as an attribute before a version, then as an input.
func (m *maker) axesOf(op string, since int64, axes []int64, shape []int64, x *tensor) {
	if m.opset < since {
		m.apply(op, attributes{"axes": axes}, shape, x.size, x)
	} else {
		m.apply(op, nil, shape, x.size, x, m.ints(axes...))
	}
}

func squeeze(m *maker) {
	x := m.take(8)
	at := m.IntN(x.rank() + 1)
	wide := slices.Insert(slices.Clone(x.shape), at, 1)
	axis := int64(at)
	if m.opset >= 11 && m.chance(0.4) {
		axis -= int64(len(wide))
	}
	x = m.reshaped(x, wide)
	if rest := slices.DeleteFunc(slices.Clone(wide), func(d int64) bool { return d == 1 }); m.chance(0.3) {
		m.apply("Squeeze", nil, rest, x.size, x)
		return
	}
	m.axesOf("Squeeze", 13, []int64{axis}, slices.Delete(slices.Clone(wide), at, at+1), x)
}

func unsqueeze(m *maker) {
	x := m.ranked(8, 0, 3)
	at := m.IntN(x.rank() + 1)
	axis := int64(at)
	if m.opset >= 11 && m.chance(0.4) {
		axis -= int64(x.rank() + 1)
	}
	m.axesOf("Unsqueeze", 13, []int64{axis}, slices.Insert(slices.Clone(x.shape), at, 1), x)
}

func transpose(m *maker) {
	x := m.take(8)
	if m.chance(0.3) {
		shape := slices.Clone(x.shape)
		slices.Reverse(shape)
		m.apply("Transpose", nil, shape, x.size, x)
		return
	}
	var perm, shape []int64
	for _, p := range m.Perm(x.rank()) {
		perm, shape = append(perm, int64(p)), append(shape, x.shape[p])
	}
	m.apply("Transpose", attributes{"perm": perm}, shape, x.size, x)
}

func concat(m *maker) {
	x := m.ranked(4, 1, 4)
	axis, named := m.axis(x)
	if m.opset < 11 {
		named = int64(axis)
	}
	parts, size, length := []*tensor{x}, x.size, x.shape[axis]
	for range 1 + m.IntN(2) {
		other := x
		if m.chance(0.8) {
			other = m.shaped(4, with(x.shape, axis, m.between(1, 3))...)
		}
		parts, size, length = append(parts, other), max(size, other.size), length+other.shape[axis]
	}
	m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	m.apply("Concat", attributes{"axis": named}, with(x.shape, axis, length), size, parts...)
}

func split(m *maker) {
	x := m.ranked(8, 1, 4)
	axis, named := m.axis(x)
	if m.opset < 11 {
		named = int64(axis)
	}
	size := x.shape[axis]
	if size < 2 {
		m.refused = true
		return
	}
	a, inputs := attributes{"axis": named}, []*tensor{x}
	var sizes []int64
	if first := m.between(1, size-1); m.chance(0.3) && size%2 == 0 { // equal parts need no list
		if sizes = []int64{size / 2, size / 2}; m.opset >= 18 {
			a["num_outputs"] = 2
		}
	} else {
		if sizes = []int64{first, size - first}; size-first > 1 && m.chance(0.5) {
			sizes = []int64{first, 1, size - first - 1}
		}
		if m.opset < 13 {
			a["split"] = sizes
		} else {
			inputs = append(inputs, m.ints(sizes...))
		}
	}
	var results []*tensor
	for _, part := range sizes {
		results = append(results, &tensor{shape: with(x.shape, axis, part), size: x.size})
	}
	m.applyN("Split", a, results, inputs...)
}

func slice(m *maker) {
	x := m.ranked(8, 1, 4)
	shape := slices.Clone(x.shape)
	var starts, ends, axes, steps []int64
	for _, axis := range m.Perm(x.rank())[:1+m.IntN(x.rank())] {
		size := x.shape[axis]
		start, step := m.Int64N(size), int64(1)
		length := m.between(1, size-start)
		end := start + length
		if m.opset >= 10 && m.chance(0.4) {
			if step = oneOf[int64](m, 2, 3, -1, -2); step > 0 {
				length = (length + step - 1) / step
			} else { // from start down to the first element that is left out
				length = m.between(1, start/-step+1)
				if end = start + length*step; end < 0 {
					end = -(size + 1)
				}
			}
		} else if end == size && m.chance(0.4) {
			end = 1 << 40
		}
		if start > 0 && m.chance(0.3) {
			start -= size
		}
		shape[axis] = length
		named := int64(axis)
		if m.opset >= 10 && m.chance(0.3) {
			named -= int64(x.rank())
		}
		starts, ends, axes, steps = append(starts, start), append(ends, end), append(axes, named), append(steps, step)
	}
	if m.opset < 10 {
		m.apply("Slice", attributes{"starts": starts, "ends": ends, "axes": axes}, shape, x.size, x)
		return
	}
	m.apply("Slice", nil, shape, x.size, x, m.ints(starts...), m.ints(ends...), m.ints(axes...), m.ints(steps...))
}

func pad(m *maker) {
	x := m.ranked(4, 1, 4)
	mode := oneOf(m, "constant", "constant", "reflect", "edge", "wrap")
	if mode == "wrap" && m.opset < 19 {
		mode = "constant"
	}
	shape, pads := slices.Clone(x.shape), make([]int64, 2*x.rank())
	for i, size := range shape {
		most := int64(2)
		if mode == "reflect" || mode == "wrap" {
			most = min(2, size-1)
		}
		before, after := m.between(0, most), m.between(0, most)
		if mode == "constant" && size > 2 && m.chance(0.2) {
			before = -1
		}
		pads[i], pads[i+x.rank()] = before, after
		shape[i] += before + after
	}
	a, value := attributes{"mode": mode}, oneOf(m, 0, 0.5)
	if m.opset < 11 {
		a["pads"], a["value"] = pads, value
		m.apply("Pad", a, shape, x.size+0.5, x)
		return
	}
	inputs := []*tensor{x, m.ints(pads...)}
	if mode == "constant" && m.chance(0.6) {
		inputs = append(inputs, m.bound(value))
	}
	if m.opset >= 18 && m.chance(0.3) { // only one axis
		axis, named := m.axis(x)
		shape = with(x.shape, axis, shape[axis])
		inputs[1] = m.ints(pads[axis], pads[axis+x.rank()])
		if len(inputs) == 2 {
			inputs = append(inputs, nil)
		}
		inputs = append(inputs, m.ints(named))
	}
	m.apply("Pad", a, shape, x.size+1, inputs...)
}

func expand(m *maker) {
	whole := m.dims(1 + m.IntN(4))
	x := m.shaped(8, m.smaller(whole)...)
	m.apply("Expand", nil, whole, x.size, x, m.ints(whole...))
}

func tile(m *maker) {
	x := m.ranked(8, 1, 3)
	shape := slices.Clone(x.shape)
	var times []int64
	for i := range shape {
		n := m.between(1, 3)
		times = append(times, n)
		shape[i] *= n
	}
	m.apply("Tile", nil, shape, x.size, x, m.ints(times...))
}

func gather(m *maker) {
	x := m.ranked(8, 1, 3)
	axis, named := m.axis(x)
	shape := m.dims(m.IntN(3))
	index := m.indices(x.shape[axis], m.opset >= 11, shape...)
	m.apply("Gather", attributes{"axis": named}, slices.Concat(x.shape[:axis], shape, x.shape[axis+1:]), x.size, x,
		index)
}

func gatherElements(m *maker) {
	x := m.ranked(8, 1, 3)
	axis, named := m.axis(x)
	shape := slices.Clone(x.shape)
	for i := range shape {
		shape[i] = m.between(1, shape[i])
	}
	shape[axis] = m.between(1, 4)
	m.apply("GatherElements", attributes{"axis": named}, shape, x.size, x, m.indices(x.shape[axis], true, shape...))
}

// tuples returns indices [count, depth] of a tensor's first axes, all different if they have to be.
func (m *maker) tuples(x *tensor, count int64, depth int, different bool) *tensor {
	var values []int64
	seen := map[string]bool{}
	for int64(len(values)) < count*int64(depth) {
		var tuple []int64
		for _, size := range x.shape[:depth] {
			tuple = append(tuple, m.Int64N(size))
		}
		if key := fmt.Sprint(tuple); !different || !seen[key] {
			seen[key] = true
			values = append(values, tuple...)
		}
	}
	return m.integers(m.chance(0.4), values, count, int64(depth))
}

func gatherND(m *maker) {
	x := m.ranked(8, 1, 4)
	depth, count := 1+m.IntN(x.rank()), m.between(1, 4)
	m.apply("GatherND", nil, slices.Concat([]int64{count}, x.shape[depth:]), x.size, x,
		m.tuples(x, count, depth, false))
}

// reductions of scatter operators, as far as the opset has them.
func (m *maker) reduction(add, more int64) string {
	list := []string{"none"}
	if m.opset >= add {
		list = append(list, "add", "mul")
	}
	if m.opset >= more {
		list = append(list, "max", "min")
	}
	return oneOf(m, list...)
}

// combined returns a tensor's data and updates for a reduction, and the size of the result.
func (m *maker) combined(reduction string, data, updates *tensor) (a, b *tensor, size float64) {
	if reduction == "max" || reduction == "min" {
		a, b = m.around(data, 0.4, -9, 9), m.apart(updates) // the updates are less
		return a, b, a.size
	}
	return data, updates, data.size + 4*updates.size
}

func scatterND(m *maker) {
	x := m.limited(60, 1, 3)
	depth := 1 + m.IntN(x.rank())
	count := m.between(1, min(4, product(x.shape[:depth])))
	reduction := m.reduction(16, 18)
	index := m.tuples(x, count, depth, reduction == "none")
	shape := slices.Concat([]int64{count}, x.shape[depth:])
	data, updates, size := m.combined(reduction, m.bounded(x, 1), m.shaped(1, shape...))
	var a attributes
	if m.opset >= 16 {
		a = attributes{"reduction": reduction}
	}
	m.apply("ScatterND", a, x.shape, size, data, index, updates)
}

func scatterElements(m *maker) {
	x := m.limited(60, 1, 3)
	axis, named := m.axis(x)
	shape := slices.Clone(x.shape)
	for i := range shape {
		shape[i] = m.between(1, shape[i])
	}
	reduction := m.reduction(16, 18)
	index := m.indices(x.shape[axis], m.opset >= 11, shape...)
	if reduction == "none" { // a permutation along the axis
		values := make([]int64, product(shape))
		inner := product(shape[axis+1:])
		places := m.Perm(int(x.shape[axis]))
		for i := range values {
			values[i] = int64(places[int64(i)/inner%shape[axis]])
		}
		index = m.integers(m.chance(0.4), values, shape...)
	}
	data, updates, size := m.combined(reduction, m.bounded(x, 1), m.shaped(1, shape...))
	op, a := "ScatterElements", attributes{"axis": named}
	if m.opset >= 16 {
		a["reduction"] = reduction
	}
	if m.opset < 11 {
		op, a["axis"] = "Scatter", axis
	}
	m.apply(op, a, x.shape, size, data, index, updates)
}

func depthToSpace(m *maker) {
	b := m.between(2, 3)
	x := m.shaped(8, m.between(1, 2), b*b*m.between(1, 2), m.between(1, 2), m.between(1, 3))
	a := attributes{"blocksize": b}
	if m.opset >= 11 {
		a["mode"] = oneOf(m, "DCR", "CRD")
	}
	m.apply("DepthToSpace", a, []int64{x.shape[0], x.shape[1] / b / b, x.shape[2] * b, x.shape[3] * b}, x.size, x)
}

func spaceToDepth(m *maker) {
	b := m.between(2, 3)
	x := m.shaped(8, m.between(1, 2), m.between(1, 2), b*m.between(1, 2), b)
	m.apply("SpaceToDepth", attributes{"blocksize": b},
		[]int64{x.shape[0], x.shape[1] * b * b, x.shape[2] / b, x.shape[3] / b}, x.size, x)
}

func centerCropPad(m *maker) {
	x := m.ranked(8, 1, 3)
	shape := make([]int64, x.rank())
	for i := range shape {
		shape[i] = m.between(1, 5)
	}
	if m.chance(0.4) {
		axis, named := m.axis(x)
		m.apply("CenterCropPad", attributes{"axes": []int64{named}}, with(x.shape, axis, shape[axis]), x.size, x,
			m.ints(shape[axis]))
		return
	}
	m.apply("CenterCropPad", nil, shape, x.size, x, m.ints(shape...))
}

func topK(m *maker) {
	x := m.apart(m.limited(30, 1, 3))
	axis, named := m.axis(x)
	k := m.between(1, x.shape[axis])
	a, inputs := attributes{"axis": named}, []*tensor{x}
	if m.opset < 10 {
		a["k"], a["axis"] = k, int64(axis)
	} else {
		inputs = append(inputs, m.ints(k))
	}
	if m.opset >= 11 {
		a["largest"] = m.IntN(2)
	}
	shape := with(x.shape, axis, k)
	m.applyN("TopK", a, []*tensor{{shape: shape, size: x.size}, {shape: shape}}, inputs...)
}

func reverseSequence(m *maker) {
	x := m.ranked(8, 2, 4)
	batch := m.IntN(2)
	var lengths []int64
	for range x.shape[batch] {
		lengths = append(lengths, m.between(1, x.shape[1-batch]))
	}
	m.apply("ReverseSequence", attributes{"batch_axis": batch, "time_axis": 1 - batch}, x.shape, x.size, x,
		m.ints(lengths...))
}

func trilu(op string) func(m *maker) {
	return func(m *maker) {
		x := m.ranked(8, 2, 4)
		inputs := []*tensor{x}
		if m.chance(0.5) {
			inputs = append(inputs, m.integers(false, []int64{m.between(-2, 2)}))
		}
		m.apply(op, attributes{"upper": m.IntN(2)}, x.shape, x.size, inputs...)
	}
}

func compress(m *maker) {
	x := m.ranked(8, 1, 3)
	axis, named := m.axis(x)
	if m.opset < 11 {
		named = int64(axis)
	}
	chosen := &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_BOOL)), Dims: []int64{x.shape[axis]}}
	count := int64(0)
	for i := range x.shape[axis] {
		take := int32(m.IntN(2))
		if i == 0 {
			take = 1
		}
		chosen.Int32Data, count = append(chosen.Int32Data, take), count+int64(take)
	}
	m.apply("Compress", attributes{"axis": named}, with(x.shape, axis, count), x.size, x, m.given(chosen, false))
}

func cumSum(m *maker) {
	x := m.ranked(2, 1, 3)
	axis, named := m.axis(x)
	m.apply("CumSum", attributes{"exclusive": m.IntN(2), "reverse": m.IntN(2)}, x.shape, x.size*float64(x.shape[axis]),
		x, m.integers(false, []int64{named}))
}

func tensorScatter(m *maker) {
	batch, length, width := m.between(1, 3), m.between(2, 4), m.between(1, 3)
	cache, update := m.shaped(2, batch, length, width), m.shaped(2, batch, m.between(1, length), width)
	var at []int64
	mode := oneOf(m, "linear", "circular")
	for range batch {
		most := length - update.shape[1]
		if mode == "circular" {
			most = length - 1
		}
		at = append(at, m.between(0, most))
	}
	m.apply("TensorScatter", attributes{"axis": 1, "mode": mode}, cache.shape, 2, cache, update, m.ints(at...))
}

func oneHot(m *maker) {
	shape, depth := m.dims(1+m.IntN(2)), m.between(2, 4)
	values := m.shaped(4, 2)
	m.apply("OneHot", attributes{"axis": -1}, slices.Concat(shape, []int64{depth}), values.size,
		m.indices(depth, m.opset >= 11, shape...), m.ints(depth), values)
}
