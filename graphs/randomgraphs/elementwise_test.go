package randomgraphs

import (
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// Functions of each element by itself.

// smooth returns a function that is smooth on [-limit, limit], with results of at most size there; 0 is that of its
// input.
func smooth(since int64, op string, limit, size float64) generator {
	return generator{since, func(m *maker) {
		x := m.take(limit)
		if size == 0 {
			m.apply(op, nil, x.shape, x.size, x)
		} else {
			m.apply(op, nil, x.shape, size, x)
		}
	}}
}

// ofPositive returns a function of numbers from 0.4+more on.
func ofPositive(op string, more, size float64) generator {
	return generator{9, func(m *maker) {
		x := m.positive(m.any(), 2)
		if more > 0 {
			x = m.apply("Add", nil, x.shape, x.size+more, m.scalar(more), x)
		}
		m.apply(op, nil, x.shape, size, x)
	}}
}

// kinked returns a function that is smooth around places. Its result is as large as its input.
func kinked(since int64, op string, a attributes, places ...float64) generator {
	return generator{since, func(m *maker) {
		x := m.around(m.any(), 0.4, places...)
		m.apply(op, a, x.shape, x.size+0.5, x)
	}}
}

func copied(op string) generator {
	return generator{9, func(m *maker) {
		x := m.take(8)
		m.apply(op, nil, x.shape, x.size, x)
	}}
}

// ofTwo returns an operator on two values that broadcast.
func ofTwo(op string, size func(a, b float64) float64) generator {
	return generator{9, func(m *maker) {
		a, b, shape := m.pair(4)
		m.apply(op, nil, shape, size(a.size, b.size), a, b)
	}}
}

func sum(a, b float64) float64 { return a + b }

// several returns an operator on one value or more.
func several(op string, size func(sizes []float64) float64) generator {
	return generator{9, func(m *maker) {
		a, b, shape := m.pair(2)
		list := []*tensor{a, b}
		if m.chance(0.2) {
			list, shape = list[:1], a.shape
		}
		for range m.IntN(3) {
			list = append(list, m.shaped(2, m.smaller(shape)...))
		}
		var sizes []float64
		for _, t := range list {
			sizes = append(sizes, t.size)
		}
		m.apply(op, nil, shape, size(sizes), list...)
	}}
}

// extremeOf chooses, element by element, between values that lie apart.
func extremeOf(op string) generator {
	return generator{9, func(m *maker) {
		a, b, shape := m.pair(2)
		list, places := []*tensor{a, b, m.shaped(2, m.smaller(shape)...)}, m.Perm(3)
		for i, t := range list {
			list[i] = m.around(t, 0.4, float64(places[i]))
		}
		m.apply(op, nil, shape, 3, list[:2+m.IntN(2)]...)
		if m.chance(0.2) {
			m.apply(op, nil, a.shape, a.size, a)
		}
	}}
}

func divide(m *maker) {
	a, b, shape := m.pair(3)
	d := m.positive(b, 2)
	m.apply("Div", nil, shape, a.size*2.5, a, d)
}

func power(m *maker) {
	a, b, shape := m.pair(1.2)
	base := m.positive(a, 1)
	switch m.IntN(3) {
	case 0:
		exponent := oneOf(m, 2.0, 0.5, -1, 3, 1.5)
		m.apply("Pow", nil, base.shape, 6, base, m.scalar(exponent))
	case 1:
		m.apply("Pow", nil, b.shape, 2, b, m.scalar(float64(2+m.IntN(2)))) // of a negative base too
	default:
		m.apply("Pow", nil, shape, 4, base, b)
	}
}

func gelu(m *maker) {
	x := m.take(4)
	a := oneOf(m, nil, attributes{"approximate": "none"}, attributes{"approximate": "tanh"})
	m.apply("Gelu", a, x.shape, x.size, x)
}

// biased returns an activation of a value and a vector that is added to it, which may be missing.
func biased(op string, optional bool) generator {
	return generator{9, func(m *maker) {
		x := m.ranked(2, 1, 4)
		inputs := []*tensor{x}
		if !optional || m.chance(0.5) {
			inputs = append(inputs, m.shaped(2, x.shape[x.rank()-1]))
		}
		m.apply(op, nil, x.shape, 4, inputs...)
	}}
}

func prelu(m *maker) {
	x := m.around(m.any(), 0.4, -1, 1)
	var slope []int64
	for { // it broadcasts in one direction
		if slope = m.smaller(x.shape); len(slope) <= x.rank() {
			break
		}
	}
	m.apply("PRelu", nil, x.shape, 1.4, x, m.shaped(1, slope...))
}

func clip(m *maker) {
	x := m.around(m.any(), 0.4, -2, 0, 2)
	if m.opset < 11 {
		m.apply("Clip", attributes{"min": -1.2, "max": 1.1}, x.shape, 1.2, x)
		return
	}
	low, high := m.bound(-1.2), m.bound(1.1)
	switch m.IntN(4) {
	case 0:
		m.apply("Clip", nil, x.shape, 2.4, x, low)
	case 1:
		m.apply("Clip", nil, x.shape, 2.4, x, nil, high)
	case 2:
		m.apply("Clip", nil, x.shape, 2.4, x)
	default:
		m.apply("Clip", nil, x.shape, 1.5, x, low, high)
	}
}

// bound returns a scalar near x, which may depend on other values.
func (m *maker) bound(x float64) *tensor {
	if m.chance(0.5) {
		return m.scalar(x)
	}
	t := m.shaped(1)
	return m.apply("Add", nil, nil, math.Abs(x)+0.3, m.apply("Mul", nil, nil, 0.3, t, m.scalar(0.3/t.size)),
		m.scalar(x))
}

func mod(m *maker) { // ratios are 1.25 to 1.7 and 2.3 to 2.8, or minus that
	a, b, shape := m.pair(2)
	x, y := m.around(a, 0.3, -5, -3, 3, 5), m.around(b, 0.05, 2)
	m.apply("Mod", attributes{"fmod": 1}, shape, 2.1, x, y)
}

func where(m *maker) {
	a, b, shape := m.pair(4)
	condition := m.booleans(false, m.smaller(shape)...)
	m.apply("Where", nil, shape, max(a.size, b.size), condition, a, b)
}

func cast(m *maker) {
	x := m.take(8)
	wide := m.apply("Cast", attributes{"to": 11}, x.shape, 0, x)
	m.apply("Cast", attributes{"to": 1}, x.shape, x.size, wide)
}

func castLike(m *maker) {
	x := m.take(8)
	m.apply("CastLike", nil, x.shape, x.size, x, m.any())
}

func dequantizeLinear(m *maker) {
	shape := m.dims(2)
	x := &pb.TensorProto{DataType: proto.Int32(int32(pb.TensorProto_INT8)), Dims: shape}
	for range product(shape) {
		x.Int32Data = append(x.Int32Data, int32(m.between(-4, 4)))
	}
	scale := m.shaped(1)
	a := attributes{}
	if m.opset >= 13 && m.chance(0.6) {
		a["axis"] = 1
		scale = m.shaped(1, shape[1])
	}
	m.apply("DequantizeLinear", a, shape, 4, m.given(x, m.chance(0.5)), scale)
}

func dropout(m *maker) {
	x := m.take(8)
	m.apply("Dropout", nil, x.shape, x.size, x)
}

// rounded returns a function that is flat between its steps.
func rounded(since int64, op string, places ...float64) generator {
	return generator{since, func(m *maker) {
		x := m.around(m.any(), 0.3, places...)
		y := m.apply(op, nil, x.shape, 3, x)
		m.apply("Mul", nil, x.shape, 3*x.size, x, y) // else no gradient would come by
	}}
}

func hardmax(m *maker) {
	x := m.apart(m.limited(24, 1, 3))
	_, named := m.axis(x)
	y := m.apply("Hardmax", attributes{"axis": named}, x.shape, 1, x)
	m.apply("Mul", nil, x.shape, x.size, x, y)
}

// limited returns a value of few elements.
func (m *maker) limited(count int64, low, high int) *tensor {
	for range 6 {
		if t := m.ranked(2, low, high); t.len() <= count {
			return t
		}
	}
	shape := slices.Repeat([]int64{1}, low)
	shape[m.IntN(low)] = m.between(2, 5)
	return m.shaped(2, shape...)
}
