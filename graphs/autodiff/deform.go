package autodiff

import "fovea/graphs"

// Operators that read an image where another input tells.

func init() {
	register(map[string]Rule{"DeformConv": defined(deformConv), "RoiAlign": defined(roiAlign)})
}

// deformConv of x [N,C,H,W] with w [M,C/g,K…]: each kernel element reads at a place
// moved by an offset, of which each group of channels has its own, [N,groups·K·2,oH,oW],
// and is weighted by the mask, [N,groups·K,oH,oW].
func deformConv(c *Call) []*graphs.Value {
	x, w, y := c.In(0), c.In(1), c.Out(0)
	window, err := graphs.WindowOf(c.node, w.Shape[2:])
	if err != nil || x.Rank() != 4 {
		return c.refuse("only two axes are supported")
	}
	n, groups, elements, steps := x.Shape[0], c.Int("offset_group", 1), w.Shape[2]*w.Shape[3], y.Shape[2]*y.Shape[3]
	offsets := c.Reshape(c.In(2), n*groups, elements, 2, steps)
	var along [][]tap
	for axis := range 2 {
		offset := c.Reshape(c.Slice(offsets, 2, int64(axis), int64(axis+1)), n*groups, elements, steps)
		base := c.Floats(places(window, axis, y.Shape[2:]), elements, steps)
		place := c.Reshape(c.Add(offset, base), n*groups, 1, elements*steps)
		along = append(along, c.inside(c.neighbours(place), 0, 0, float64(x.Shape[axis+2])))
	}
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
	return one(y)
}

// places are the elements of an axis, with padding before 0, that each element of a
// kernel reads at each of its positions, y [oH,oW] of them; [elements, positions].
func places(w graphs.Window, axis int, y []int64) (list []float32) {
	for k := range w.Kernel[0] * w.Kernel[1] {
		for step := range y[0] * y[1] {
			in, at := []int64{k / w.Kernel[1], k % w.Kernel[1]}, []int64{step / y[1], step % y[1]}
			list = append(list, float32(at[axis]*w.Strides[axis]+in[axis]*w.Dilations[axis]-w.Before[axis]))
		}
	}
	return list
}

// roiAlign averages samples in each cell of each region [x1,y1,x2,y2] of an image.
func roiAlign(c *Call) []*graphs.Value {
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
		place := c.roiPlaces(axis, cells[axis])
		place = c.Reshape(place, n, 1, []int64{cells[0], 1}[axis], []int64{1, cells[1]}[axis])
		place = c.Reshape(c.Expand(place, nil, n, 1, cells[0], cells[1]), n, 1, -1)
		along = append(along, c.onImage(place, float64(size)))
	}
	read := c.Reshape(c.sampled(images, along), n, y.Shape[1], y.Shape[2], samples, y.Shape[3], samples)
	return one(c.ReduceMean(read, false, 3, 5))
}

// roiPlaces are the middles of a number of cells of each region on an axis, [regions,
// cells]. In mode output_half_pixel pixels have their middle at whole numbers, and a
// region has the size 1 at least.
func (c *Call) roiPlaces(axis int, cells int64) *graphs.Value {
	edge := func(i int) *graphs.Value {
		return c.Scale(c.Slice(c.In(1), 1, int64(i), int64(i+1)), c.float("spatial_scale", 1))
	}
	start := edge(1 - axis)
	length := c.Sub(edge(3-axis), start)
	if c.node.Attributes["coordinate_transformation_mode"] == "output_half_pixel" {
		length = c.Apply("Max", nil, length, c.Scalar(1))
	} else {
		start = c.plus(-0.5, start)
	}
	middles := make([]float32, cells)
	for i := range middles {
		middles[i] = (float32(i) + 0.5) / float32(cells)
	}
	return c.Add(start, c.Mul(length, c.Floats(middles, 1, cells)))
}

// onImage are the taps of places, which beyond the axis read its last element, and
// nothing if they are more than one behind it.
func (c *Call) onImage(place *graphs.Value, size float64) []tap {
	near := c.Equal(place, c.Apply("Min", nil, c.Apply("Max", nil, place, c.Scalar(-1)), c.Scalar(size)))
	taps := c.neighbours(c.within(place, size))
	for i, t := range taps {
		taps[i] = tap{c.within(t.index, size), c.Where(near, t.weight, c.Scalar(0))}
	}
	return taps
}
