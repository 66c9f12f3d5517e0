package randomgraphs

import (
	"maps"
	"slices"
	"strings"
)

// Operators whose windows move over images, and those that sample images.

// image returns a value [N, channels, D…] of 1 or 2 spatial axes of at least 3 elements.
func (m *maker) image(limit float64, channels int64) *tensor {
	for range 3 {
		if t := m.any(); (t.rank() == 3 || t.rank() == 4) && t.shape[1] == channels && slices.Min(t.shape[2:]) >= 3 {
			return m.bounded(t, limit)
		}
	}
	shape := []int64{m.between(1, 2), channels}
	for range 1 + m.IntN(2) {
		shape = append(shape, m.between(3, 5))
	}
	return m.shaped(limit, shape...)
}

// window returns kernel, strides, dilations and padding over the spatial axes, and the size of what comes out.
func (m *maker) window(spatial []int64, dilated bool) (a attributes, kernel, out []int64) {
	var strides, dilations, begins, ends []int64
	auto := oneOf(m, "", "", "", "SAME_UPPER", "SAME_LOWER", "VALID")
	for _, size := range spatial {
		k, stride, dilation := m.between(1, 3), m.between(1, 2), int64(1)
		if strings.HasPrefix(auto, "SAME") { // else the padding would be negative
			stride = min(stride, k)
		}
		if dilated && auto == "" && m.chance(0.3) && 2*(k-1)+1 <= size {
			dilation = 2
		}
		begin, end := m.between(0, k-1), m.between(0, k-1)
		n := (size+begin+end-dilation*(k-1)-1)/stride + 1
		switch auto {
		case "VALID":
			n = (size-k)/stride + 1
		case "SAME_UPPER", "SAME_LOWER":
			n = (size + stride - 1) / stride
		}
		kernel, out, strides, dilations = append(kernel, k), append(out, n), append(strides, stride),
			append(dilations, dilation)
		begins, ends = append(begins, begin), append(ends, end)
	}
	a = attributes{"kernel_shape": kernel, "strides": strides}
	if dilated {
		a["dilations"] = dilations
	}
	if auto == "" {
		a["pads"] = slices.Concat(begins, ends)
	} else {
		a["auto_pad"] = auto
	}
	return a, kernel, out
}

func conv(m *maker) { m.conv("Conv", nil) }

func fusedConv(m *maker) {
	m.conv("com.microsoft.FusedConv", attributes{"activation": oneOf(m, "Tanh", "Sigmoid")})
}

func (m *maker) conv(op string, more attributes) {
	group := m.between(1, 2)
	x := m.image(1, group*m.between(1, 2))
	a, kernel, spatial := m.window(x.shape[2:], true)
	a["group"] = group
	maps.Copy(a, more)
	filters := group * m.between(1, 2)
	w := m.shaped(1, slices.Concat([]int64{filters, x.shape[1] / group}, kernel)...)
	inputs := []*tensor{x, w}
	if m.chance(0.5) {
		inputs = append(inputs, m.shaped(1, filters))
	}
	m.apply(op, a, slices.Concat([]int64{x.shape[0], filters}, spatial), float64(product(w.shape[1:]))+1, inputs...)
}

func convTranspose(m *maker) {
	group := m.between(1, 2)
	x := m.image(1, group*m.between(1, 2))
	filters := m.between(1, 2)
	a := attributes{"group": group}
	var kernel, strides, dilations, begins, ends, more, spatial []int64
	for _, size := range x.shape[2:] {
		k, stride, dilation := m.between(1, 3), m.between(1, 2), m.between(1, 2)
		begin, end, extra := m.between(0, 1), m.between(0, 1), m.between(0, stride-1)
		n := stride*(size-1) + extra + dilation*(k-1) + 1 - begin - end
		kernel, strides, dilations, spatial = append(kernel, k), append(strides, stride), append(dilations, dilation),
			append(spatial, n)
		begins, ends, more = append(begins, begin), append(ends, end), append(more, extra)
	}
	a["kernel_shape"], a["strides"], a["dilations"], a["output_padding"], a["pads"] = kernel, strides, dilations, more,
		slices.Concat(begins, ends)
	inputs := []*tensor{x, m.shaped(1, slices.Concat([]int64{x.shape[1], filters}, kernel)...)}
	if m.chance(0.5) {
		inputs = append(inputs, m.shaped(1, filters*group))
	}
	size := float64(x.shape[1]*product(kernel)) + 1
	m.apply("ConvTranspose", a, slices.Concat([]int64{x.shape[0], filters * group}, spatial), size, inputs...)
}

// fewApart returns an image of few elements that lie apart.
func (m *maker) fewApart() *tensor {
	for range 5 {
		if x := m.image(2, m.between(1, 2)); x.len() <= 40 {
			return m.apart(x)
		}
	}
	return m.apart(m.shaped(2, 1, 2, 4, 3))
}

// ceil makes of a window one whose last step reaches beyond the end.
func (m *maker) ceil(a attributes, x *tensor, out []int64) []int64 {
	pads, explicit := a["pads"].([]int64)
	if !explicit || m.opset < 10 || m.chance(0.5) {
		return out
	}
	rounded, kernel, strides := slices.Clone(out), a["kernel_shape"].([]int64), a["strides"].([]int64)
	for i, size := range x.shape[2:] {
		if room := size + pads[i] + pads[i+len(out)] - kernel[i]; room%strides[i] != 0 {
			if rounded[i]++; out[i]*strides[i] >= size+pads[i] {
				return out // it would begin beyond the end, which opsets take differently
			}
		}
	}
	a["ceil_mode"] = 1
	return rounded
}

func maxPool(m *maker) {
	x := m.fewApart()
	a, _, spatial := m.window(x.shape[2:], m.opset >= 10)
	if a["dilations"] == nil || slices.Max(a["dilations"].([]int64)) == 1 {
		spatial = m.ceil(a, x, spatial)
	}
	shape := slices.Concat(x.shape[:2], spatial)
	results := []*tensor{{shape: shape, size: x.size}}
	if m.chance(0.3) {
		results = append(results, &tensor{shape: shape})
	}
	m.applyN("MaxPool", a, results, x)
}

func averagePool(m *maker) {
	x := m.image(4, m.between(1, 3))
	a, _, spatial := m.window(x.shape[2:], m.opset >= 19)
	if a["dilations"] == nil || slices.Max(a["dilations"].([]int64)) == 1 {
		spatial = m.ceil(a, x, spatial)
	}
	// Before opset 19 ONNX Runtime 1.27 counts what lies beyond the end as padding; 1.32 does not, nor does PyTorch.
	if a["ceil_mode"] == nil || m.opset >= 19 {
		a["count_include_pad"] = m.IntN(2)
	}
	m.apply("AveragePool", a, slices.Concat(x.shape[:2], spatial), x.size, x)
}

func lpPool(m *maker) {
	x := m.positive(m.image(1, m.between(1, 2)), 1)
	a, kernel, spatial := m.window(x.shape[2:], m.opset >= 18)
	a["p"] = m.between(1, 3)
	m.apply("LpPool", a, slices.Concat(x.shape[:2], spatial), x.size*float64(product(kernel)), x)
}

func globalPool(op string) generator {
	return generator{9, func(m *maker) {
		x := m.image(4, m.between(1, 3))
		if op == "GlobalMaxPool" {
			x = m.fewApart()
		}
		shape := slices.Clone(x.shape)
		for i := range shape[2:] {
			shape[i+2] = 1
		}
		m.apply(op, nil, shape, x.size, x)
	}}
}

func maxUnpool(m *maker) {
	x := m.apart(m.shaped(2, 1, m.between(1, 2), 4, 4))
	a := attributes{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}
	half := []int64{1, x.shape[1], 2, 2}
	pooled := m.applyN("MaxPool", a, []*tensor{{shape: half, size: x.size}, {shape: half}}, x)
	values := m.shaped(2, half...)
	m.apply("MaxUnpool", a, x.shape, values.size, values, pooled[1])
}

func col2Im(m *maker) {
	block, image := []int64{m.between(1, 2), m.between(1, 2)}, []int64{m.between(3, 4), m.between(3, 4)}
	n, channels, columns := m.between(1, 2), m.between(1, 2), int64(1)
	for i, size := range image {
		columns *= size - block[i] + 1
	}
	x := m.shaped(1, n, channels*product(block), columns)
	m.apply("Col2Im", nil, slices.Concat([]int64{n, channels}, image), 4, x, m.ints(image...), m.ints(block...))
}

func affineGrid(m *maker) {
	n, h, w := m.between(1, 2), m.between(2, 4), m.between(2, 4)
	m.apply("AffineGrid", attributes{"align_corners": m.IntN(2)}, []int64{n, h, w, 2}, 3, m.shaped(1, n, 2, 3),
		m.ints(n, 1, h, w))
}

// gridSample reads between elements: the points are moved there, since at an element, or in the middle where the
// nearest is read, the function has a kink.
func gridSample(m *maker) {
	n, channels, h, w := m.between(1, 2), m.between(1, 2), m.between(2, 4), m.between(2, 4)
	x := m.shaped(2, n, channels, h, w)
	count := []int64{n, m.between(1, 2), m.between(1, 3)}
	corners := m.IntN(2)
	mode := oneOf(m, "bilinear", "bicubic", "nearest")
	if m.opset >= 20 {
		mode = oneOf(m, "linear", "cubic", "nearest")
	}
	var parts []*tensor
	for _, size := range []float64{float64(w), float64(h)} {
		step, first := 2/size, -1+1/size // elements lie at first + i·step
		if corners == 1 {
			step, first = 2/(size-1), -1
		}
		places := []float64{first + step*0.3, first - step*0.3, first + (size-1)*step + step*0.3}
		parts = append(parts, m.around(m.shaped(1, slices.Concat(count, []int64{1})...), 0.1*step, places...))
	}
	grid := m.apply("Concat", attributes{"axis": 3}, slices.Concat(count, []int64{2}), 2, parts...)
	a := attributes{"mode": mode, "align_corners": corners, "padding_mode": oneOf(m, "zeros", "border", "reflection")}
	m.apply("GridSample", a, []int64{n, channels, count[1], count[2]}, 2*x.size, x, grid)
}

func resize(m *maker) {
	x := m.image(4, m.between(1, 2))
	spatial := slices.Clone(x.shape[2:])
	mode := oneOf(m, "nearest", "linear")
	if x.rank() == 4 && m.opset >= 11 {
		mode = oneOf(m, "nearest", "linear", "cubic")
	}
	scales := []float64{1, 1}
	for i := range spatial {
		scale := oneOf(m, 1, 2, 3)
		spatial[i] *= int64(scale)
		scales = append(scales, float64(scale))
	}
	shape := slices.Concat(x.shape[:2], spatial)
	factors := m.constant(scales, int64(len(scales)))
	switch {
	case m.opset < 10:
		m.apply("Upsample", attributes{"mode": mode}, shape, 2*x.size, x, factors)
	case m.opset == 10:
		m.apply("Resize", attributes{"mode": mode}, shape, 2*x.size, x, factors)
	default:
		a := attributes{"mode": mode, "coordinate_transformation_mode": oneOf(m, "half_pixel", "pytorch_half_pixel",
			"align_corners", "asymmetric")}
		if mode == "nearest" {
			a["nearest_mode"] = oneOf(m, "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
		}
		box := m.constant(nil, 0)
		if m.opset >= 13 {
			box = nil
		}
		if m.chance(0.5) {
			m.apply("Resize", a, shape, 2*x.size, x, box, factors)
			return
		}
		for i := range spatial {
			shape[i+2] = m.between(2, 6)
		}
		empty := m.constant(nil, 0)
		if m.opset >= 13 {
			empty = nil
		}
		m.apply("Resize", a, shape, 2*x.size, x, box, empty, m.ints(shape...))
	}
}
