package autodiff

import "fovea/graphs"

// Operators that read an image at places between its elements, which another input gives.

// A tap is an element of an axis that a sample reads: its index, a whole number, and its weight.
type tap struct{ index, weight *value }

// sampled reads x [N,C,D…] at points, [N,C,points]: the sum over all combinations of a tap on each axis. Indices and
// weights of taps are [N,1,points].
func (c *Call) sampled(x *value, along [][]tap) (y *value) {
	all := []tap{{c.Scalar(0), c.Scalar(1)}}
	for axis, size := range x.Shape[2:] {
		var next []tap
		for _, known := range all {
			for _, t := range along[axis] {
				index := c.Add(c.Scale(known.index, float64(size)), t.index)
				next = append(next, tap{index, c.Mul(known.weight, t.weight)})
			}
		}
		all = next
	}
	flat := c.Reshape(x, x.Shape[0], x.Shape[1], -1)
	for _, t := range all {
		index := c.Expand(c.Cast(t.index, graphs.Int64), nil, x.Shape[0], x.Shape[1], t.index.Shape[2])
		read := c.applyShaped(index.Shape, "GatherElements", graphs.Attributes{"axis": int64(2)}, flat, index)
		y = c.addOptional(y, c.Mul(read, t.weight))
	}
	return y
}

// linearTaps returns the elements before and behind a place, with the weights of a straight line between them.
func (c *Call) linearTaps(place *value) []tap {
	first := c.Apply("Floor", nil, place)
	t := c.Sub(place, first)
	return []tap{{first, c.oneMinus(t)}, {c.onePlus(first), t}}
}

// cubicTaps returns the four elements around a place, with the weights of Keys' kernel.
func (c *Call) cubicTaps(place *value) (taps []tap) {
	first := c.Apply("Floor", nil, place)
	t := c.Sub(place, first)
	for i := range 4 {
		distance := c.Abs(c.shift(t, float64(1-i)))
		taps = append(taps, tap{c.shift(first, float64(i-1)), c.cubicWeight(distance, i == 1 || i == 2)})
	}
	return taps
}

// cubicWeight returns Keys' kernel with a = -0.75 at distances below 1 if near, else from 1 to 2.
func (c *Call) cubicWeight(d *value, near bool) *value {
	const a = -0.75
	if near {
		return c.onePlus(c.Mul(c.square(d), c.shift(c.Scale(d, a+2), -(a+3))))
	}
	return c.shift(c.Mul(d, c.shift(c.Mul(d, c.shift(c.Scale(d, a), -5*a)), 8*a)), -4*a)
}

// gridSample reads X [N,C,D…] at the points of the grid [N,E…,axes], which are between -1 and 1, the last axis first.
func gridSample(c *Call) []*value {
	x, grid := c.In(0), c.In(1)
	axes := x.Rank() - 2
	n, points := x.Shape[0], grid.Len()/grid.Shape[0]/int64(axes)
	grid = c.Reshape(grid, n, points, int64(axes))
	along := make([][]tap, axes)
	for axis, size := range x.Shape[2:] {
		part := int64(axes - 1 - axis)
		along[axis] = c.gridTaps(c.Reshape(c.Slice(grid, 2, part, part+1), n, 1, points), float64(size))
	}
	return []*value{c.Reshape(c.sampled(x, along), c.Out(0).Shape...)}
}

// gridTaps returns what samples at points between -1 and 1 read on an axis of a size, by the node's mode.
func (c *Call) gridTaps(at *value, size float64) []tap {
	low, length := -0.5, size // of the axis, in elements
	if c.Int("align_corners", 0) == 1 {
		low, length = 0, size-1
	}
	place := c.shift(c.Scale(c.onePlus(at), length/2), low)
	var taps []tap
	switch c.node.Attributes["mode"] {
	case "nearest":
		taps = []tap{{c.Apply("Round", nil, place), c.Scalar(1)}}
	case "cubic":
		taps = c.cubicTaps(place)
	default:
		taps = c.linearTaps(c.moveInside(place, low, length, size))
	}
	return c.keepInside(taps, low, length, size)
}

// moveInside moves places beyond the axis onto it, but for padding with zeros.
func (c *Call) moveInside(place *value, low, length, size float64) *value {
	switch c.node.Attributes["padding_mode"] {
	case "reflection":
		if length == 0 {
			return c.Scale(place, 0)
		}
		d := c.Abs(c.shift(place, -low))
		d = c.Sub(d, c.Scale(c.Apply("Floor", nil, c.Scale(d, 1/(2*length))), 2*length))
		return c.shift(c.Neg(c.Abs(c.shift(d, -length))), low+length)
	case "border":
		return c.clamp(place, 0, size-1)
	}
	return place
}

func (c *Call) clamp(x *value, low, high float64) *value {
	return c.Apply("Min", nil, c.Apply("Max", nil, x, c.Scalar(low)), c.Scalar(high))
}

// keepInside moves taps beyond the axis onto it, or weighs them with 0.
func (c *Call) keepInside(taps []tap, low, length, size float64) []tap {
	for i, t := range taps {
		moved := c.moveInside(t.index, low, length, size)
		index := c.clamp(moved, 0, size-1)
		if padding := c.node.Attributes["padding_mode"]; padding == nil || padding == "zeros" {
			t.weight = c.Where(c.Equal(index, moved), t.weight, c.Scalar(0))
		}
		taps[i] = tap{index, t.weight}
	}
	return taps
}

// affineGrid multiplies the points of a regular grid between -1 and 1 with theta [N,D,D+1].
func affineGrid(c *Call) []*value {
	theta, y := c.In(0), c.Out(0)
	sizes := y.Shape[1 : y.Rank()-1]
	points := c.Floats(gridPoints(sizes, c.Int("align_corners", 0) == 1), 1, product(sizes), int64(len(sizes)+1))
	return []*value{c.Reshape(c.MatMul(points, theta, graphs.TransB), y.Shape...)}
}

// gridPoints lists the points of a regular grid, each with its last axis first and a 1 behind.
func gridPoints(sizes []int64, alignCorners bool) (points []float32) {
	for i := range product(sizes) {
		point, rest := make([]float32, len(sizes)+1), i
		point[len(sizes)] = 1
		for axis := len(sizes) - 1; axis >= 0; axis-- {
			at, size := float32(rest%sizes[axis]), float32(sizes[axis])
			if rest /= sizes[axis]; alignCorners {
				point[len(sizes)-1-axis] = 2*at/(size-1) - 1
			} else {
				point[len(sizes)-1-axis] = (2*at+1)/size - 1
			}
		}
		points = append(points, point...)
	}
	return points
}

// deformConv of x [N,C,H,W] with w [M,C/g,K…]: each kernel element reads at a place moved by an offset, of which each
// group of channels has its own, [N,groups·K·2,oH,oW]. The mask, [N,groups·K,oH,oW], weighs what it reads.
func deformConv(c *Call) []*value {
	x, w, y := c.In(0), c.In(1), c.Out(0)
	window, err := graphs.WindowOf(c.node, w.Shape[2:])
	if err != nil || x.Rank() != 4 {
		return c.refuse("only two axes are supported")
	}
	n, groups, elements, steps := x.Shape[0], c.Int("offset_group", 1), w.Shape[2]*w.Shape[3], y.Shape[2]*y.Shape[3]
	along := c.deformTaps(window, n*groups, elements, steps)
	read := c.sampled(c.Reshape(x, n*groups, -1, x.Shape[2], x.Shape[3]), along)
	if mask := c.In(4); mask != nil {
		read = c.Mul(read, c.Reshape(mask, n*groups, 1, elements*steps))
	}
	group := c.Int("group", 1)
	columns := c.Reshape(read, n, group, w.Shape[1]*elements, steps)
	y = c.Reshape(c.MatMul(c.Reshape(w, group, -1, w.Shape[1]*elements), columns, graphs.NoTrans), y.Shape...)
	if c.In(3) != nil {
		y = c.Add(y, c.perChannel(c.In(3)))
	}
	return []*value{y}
}

// deformTaps returns what the kernel elements of each of n groups of channels read, with their offsets.
func (c *Call) deformTaps(window graphs.Window, n, elements, steps int64) (along [][]tap) {
	offsets := c.Reshape(c.In(2), n, elements, 2, steps)
	for axis := range 2 {
		offset := c.Reshape(c.Slice(offsets, 2, int64(axis), int64(axis+1)), n, elements, steps)
		base := c.Floats(kernelPlaces(window, axis, c.Out(0).Shape[2:]), elements, steps)
		place := c.Reshape(c.Add(offset, base), n, 1, elements*steps)
		along = append(along, c.keepInside(c.linearTaps(place), 0, 0, float64(c.In(0).Shape[axis+2])))
	}
	return along
}

// kernelPlaces lists the elements of an axis, with padding before 0, that each element of a kernel reads at each of its
// positions, y [oH,oW] of them; [elements, positions].
func kernelPlaces(w graphs.Window, axis int, y []int64) (list []float32) {
	for k := range w.Kernel[0] * w.Kernel[1] {
		for step := range y[0] * y[1] {
			in, at := []int64{k / w.Kernel[1], k % w.Kernel[1]}, []int64{step / y[1], step % y[1]}
			list = append(list, float32(at[axis]*w.Strides[axis]+in[axis]*w.Dilations[axis]-w.Before[axis]))
		}
	}
	return list
}

// roiAlign averages samples in each cell of each region [x1,y1,x2,y2] of an image.
func roiAlign(c *Call) []*value {
	y, samples := c.Out(0), c.Int("sampling_ratio", 0)
	if c.node.Attributes["mode"] == "max" {
		return c.refuse("mode max is not supported")
	} else if samples == 0 {
		return c.refuse("sampling_ratio 0, which lets a region's size tell the number of samples, is not supported")
	}
	images := c.Apply("Gather", nil, c.In(0), c.In(2))
	n, cells := y.Shape[0], []int64{y.Shape[2] * samples, y.Shape[3] * samples}
	var along [][]tap
	for axis, size := range images.Shape[2:] {
		shape := []int64{n, 1, 1, 1}
		shape[2+axis] = cells[axis]
		place := c.Reshape(c.roiPlaces(axis, cells[axis]), shape...)
		place = c.Reshape(c.Expand(place, nil, n, 1, cells[0], cells[1]), n, 1, -1)
		along = append(along, c.roiTaps(place, float64(size)))
	}
	read := c.Reshape(c.sampled(images, along), n, y.Shape[1], y.Shape[2], samples, y.Shape[3], samples)
	return []*value{c.ReduceMean(read, false, 3, 5)}
}

// roiPlaces returns the middles of a number of cells of each region on an axis, [regions,cells]. In mode
// output_half_pixel pixels have their middle at whole numbers, and a region has at least the size 1.
func (c *Call) roiPlaces(axis int, cells int64) *value {
	edge := func(i int) *value {
		return c.Scale(c.Slice(c.In(1), 1, int64(i), int64(i+1)), c.Float("spatial_scale", 1))
	}
	start := edge(1 - axis)
	length := c.Sub(edge(3-axis), start)
	if c.node.Attributes["coordinate_transformation_mode"] == "output_half_pixel" {
		length = c.Apply("Max", nil, length, c.Scalar(1))
	} else {
		start = c.shift(start, -0.5)
	}
	middles := make([]float32, cells)
	for i := range middles {
		middles[i] = (float32(i) + 0.5) / float32(cells)
	}
	return c.Add(start, c.Mul(length, c.Floats(middles, 1, cells)))
}

// roiTaps returns what samples at places read. Beyond the axis they read its last element, and nothing if they are more
// than one behind it.
func (c *Call) roiTaps(place *value, size float64) []tap {
	near := c.Equal(place, c.clamp(place, -1, size))
	taps := c.linearTaps(c.clamp(place, 0, size-1))
	for i, t := range taps {
		taps[i] = tap{c.clamp(t.index, 0, size-1), c.Where(near, t.weight, c.Scalar(0))}
	}
	return taps
}
