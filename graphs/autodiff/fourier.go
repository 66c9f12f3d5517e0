package autodiff

import (
	"encoding/binary"

	"fovea/graphs"
)

func init() { register(map[string]Rule{"DFT": dft, "STFT": defined(stft)}) }

// dft is linear along its axis and the last, which holds real and imaginary parts.
func dft(c *Call) []*graphs.Value {
	x, y, dy := c.In(0), c.Out(0), c.Grad(0)
	last := int64(x.Rank() - 1)
	axis := last - 1
	if list, ok := c.In(2).IntValues(); ok {
		axis = (list[0] + int64(x.Rank())) % int64(x.Rank())
	}
	before, behind := x.Shape[axis]*x.Shape[last], y.Shape[axis]*y.Shape[last]
	units := c.Reshape(c.units(before), before, x.Shape[axis], x.Shape[last])
	ofUnits := c.shaped([]int64{before, y.Shape[axis], y.Shape[last]}, "DFT", c.node.Attributes, units, c.In(1), c.integer(1))
	swap := axesFrom(0, x.Rank()) // the axis with that before the last
	swap[axis], swap[last-1] = swap[last-1], swap[axis]
	pairs := c.Transpose(dy, swap...)
	shape := append([]int64{}, pairs.Shape...)
	shape[last-1], shape[last] = x.Shape[axis], x.Shape[last]
	dx := c.MatMul(c.Reshape(pairs, -1, behind), c.Reshape(ofUnits, before, behind), graphs.TransB)
	return one(c.Transpose(c.Reshape(dx, shape...), swap...))
}

// stft is the DFT of windows that start every few elements.
func stft(c *Call) []*graphs.Value {
	x, y, window := c.In(0), c.Out(0), c.In(2)
	step, ok := c.In(1).IntValues()
	size, known := c.In(3).IntValues()
	if window != nil {
		size, known = window.Shape, true
	}
	if !ok || !known {
		return c.refuse("step or length of the frames are not constant int64")
	}
	var index []int64
	for i := range y.Shape[1] {
		for j := range size[0] {
			index = append(index, i*step[0]+j)
		}
	}
	x = c.Reshape(x, x.Shape[0], x.Shape[1], -1)
	frames := c.Apply("Gather", graphs.Attributes{"axis": int64(1)}, x, c.Reshape(c.Ints(index...), y.Shape[1], size[0]))
	if window != nil {
		frames = c.Mul(frames, c.Reshape(window, size[0], 1))
	}
	return one(c.shaped(y.Shape, "DFT", graphs.Attributes{"onesided": c.Int("onesided", 1)}, frames, nil, c.integer(2)))
}

// integer is a constant of rank 0.
func (c *Call) integer(x int64) *graphs.Value {
	return c.Constant(graphs.Int64, []int64{}, binary.LittleEndian.AppendUint64(nil, uint64(x)))
}
