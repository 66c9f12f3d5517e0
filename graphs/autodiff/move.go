package autodiff

import (
	"slices"

	"fovea/graphs"
)

// More operators that move elements.

func init() {
	register(map[string]Rule{
		"Tile":          tile,
		"DepthToSpace":  defined(depthToSpace),
		"SpaceToDepth":  defined(spaceToDepth),
		"CenterCropPad": centerCropPad,
		"TopK": func(c *Call) []*graphs.Value {
			x := c.In(0)
			if len(c.node.Outputs) < 2 || c.Out(1) == nil {
				return c.refuse("the indices (output 1) are needed")
			}
			return one(c.Apply("ScatterElements", graphs.Attributes{"axis": c.Axis(-1)}, c.zeros(x.Shape), c.Out(1), c.Grad(0)))
		},
		"ReverseSequence": func(c *Call) []*graphs.Value {
			return one(c.shaped(c.In(0).Shape, "ReverseSequence", c.node.Attributes, c.Grad(0), c.In(1)))
		},
		"Trilu":    trilu,
		"Compress": compress,
		"CumSum": func(c *Call) []*graphs.Value {
			a := graphs.Attributes{"exclusive": c.Int("exclusive", 0), "reverse": 1 - c.Int("reverse", 0)}
			return one(c.shaped(c.In(0).Shape, "CumSum", a, c.Grad(0), c.In(1)))
		},
		"TensorScatter": defined(tensorScatter),
		"MaxUnpool": func(c *Call) []*graphs.Value {
			if c.In(2) != nil {
				return c.refuse("output_shape is not supported")
			}
			x, dy := c.In(0), c.Grad(0)
			flat := c.shaped([]int64{x.Len()}, "Gather", nil, c.Reshape(dy, dy.Len()), c.Reshape(c.In(1), x.Len()))
			return one(c.Reshape(flat, x.Shape...))
		},
	})
}

func trilu(c *Call) []*graphs.Value {
	return one(c.shaped(c.In(0).Shape, "Trilu", c.node.Attributes, append(one(c.Grad(0)), c.node.Inputs[1:]...)...))
}

// compress picks what a constant condition says.
func compress(c *Call) []*graphs.Value {
	condition, ok := c.In(1).Content()
	if !ok {
		return c.refuse("the condition is not constant")
	}
	var chosen []int64
	for i, holds := range condition {
		if holds != 0 {
			chosen = append(chosen, int64(i))
		}
	}
	x, index := c.In(0), c.Ints(chosen...)
	if c.node.Attributes["axis"] == nil { // of all elements
		return one(c.Reshape(c.scatter(c.Grad(0), 0, x.Len(), index), x.Shape...))
	}
	return one(c.scatter(c.Grad(0), c.Axis(0), x.Shape[c.Axis(0)], index))
}

// tile: the gradients of the copies are added up.
func tile(c *Call) []*graphs.Value {
	x, dy := c.In(0), c.Grad(0)
	var shape, copies []int64
	for i, size := range x.Shape {
		copies = append(copies, int64(len(shape)))
		shape = append(shape, dy.Shape[i]/size, size)
	}
	return one(c.Reshape(c.ReduceSum(c.Reshape(dy, shape...), false, copies...), x.Shape...))
}

func depthToSpace(c *Call) []*graphs.Value {
	x, b := c.In(0), c.Int("blocksize", 1)
	n, depth, h, w := x.Shape[0], x.Shape[1]/b/b, x.Shape[2], x.Shape[3]
	split := c.Reshape(x, n, b, b, depth, h, w)
	perm := []int64{0, 3, 4, 1, 5, 2}
	if c.node.Attributes["mode"] == "CRD" {
		split, perm = c.Reshape(x, n, depth, b, b, h, w), []int64{0, 1, 4, 2, 5, 3}
	}
	return one(c.Reshape(c.Transpose(split, perm...), c.Out(0).Shape...))
}

func spaceToDepth(c *Call) []*graphs.Value {
	x, b := c.In(0), c.Int("blocksize", 1)
	split := c.Reshape(x, x.Shape[0], x.Shape[1], x.Shape[2]/b, b, x.Shape[3]/b, b)
	if mode := c.node.Attributes["mode"]; mode != nil && mode != "DCR" {
		return c.refuse("mode %v is not supported", mode)
	}
	return one(c.Reshape(c.Transpose(split, 0, 3, 5, 1, 2, 4), c.Out(0).Shape...))
}

// tensorScatter writes the update of each image into its cache, from an index on
// and around if the mode says so.
func tensorScatter(c *Call) []*graphs.Value {
	cache, update := c.In(0), c.In(1)
	axis := c.Int("axis", -2)
	if axis < 0 {
		axis += int64(cache.Rank())
	}
	along, first := slices.Repeat([]int64{1}, cache.Rank()), slices.Repeat([]int64{1}, cache.Rank())
	along[axis], first[0] = update.Shape[axis], cache.Shape[0]
	steps := make([]int64, update.Shape[axis])
	for i := range steps {
		steps[i] = int64(i)
	}
	index := c.Reshape(c.Ints(steps...), along...)
	if c.In(2) != nil {
		index = c.Add(index, c.Reshape(c.Cast(c.In(2), graphs.Int64), first...))
	}
	index = c.shaped(index.Shape, "Mod", nil, index, c.Ints(cache.Shape[axis]))
	index = c.Expand(index, nil, update.Shape...)
	return one(c.Apply("ScatterElements", graphs.Attributes{"axis": axis}, cache, index, update))
}

// centerCropPad: what was cut off gets zeros, and padding is cut off. An odd
// element more is at the end.
func centerCropPad(c *Call) []*graphs.Value {
	dx := c.Grad(0)
	for axis, size := range c.In(0).Shape {
		now := dx.Shape[axis]
		if less := size - now; less > 0 {
			dx = c.Pad(dx, int64(axis), less/2, less-less/2)
		} else if less < 0 {
			dx = c.Slice(dx, int64(axis), -less/2, -less/2+size)
		}
	}
	return one(dx)
}

// Values at indices. A pair reads from a tensor at the places that indices name,
// and writes there.
type pair struct{ read, write string }

func init() {
	elements, slabs := pair{"GatherElements", "ScatterElements"}, pair{"GatherND", "ScatterND"}
	register(map[string]Rule{
		"GatherElements": elements.gathered, "ScatterElements": elements.scattered,
		"GatherND": slabs.gathered, "ScatterND": slabs.scattered,
	})
}

func (p pair) gathered(c *Call) []*graphs.Value {
	if c.Int("batch_dims", 0) != 0 {
		return c.refuse("batch_dims is not supported")
	}
	return one(p.put(c, "add", c.zeros(c.In(0).Shape), c.Grad(0)))
}

// put writes updates into x at the node's indices, combining as reduction says.
func (p pair) put(c *Call, reduction string, x, updates *graphs.Value) *graphs.Value {
	if p.write == "ScatterND" && reduction != "none" {
		return c.putRows(reduction, x, updates)
	}
	a := graphs.Attributes{"reduction": reduction}
	if p.write == "ScatterElements" {
		a["axis"] = c.Axis(0)
	}
	return c.shaped(x.Shape, p.write, a, x, c.In(1), updates)
}

// putRows is ScatterND in terms of ScatterElements, because ONNX Runtime's
// ScatterND loses updates: on the CPU its threads combine them without a lock.
func (c *Call) putRows(reduction string, x, updates *graphs.Value) *graphs.Value {
	index, rows := c.In(1), int64(1)
	sizes := x.Shape[:index.Shape[index.Rank()-1]]
	steps := make([]int64, len(sizes))
	for i, size := range slices.Backward(sizes) {
		steps[i], rows = rows, rows*size
	}
	at := c.shaped(index.Shape, "Mod", nil, index, c.Ints(sizes...)) // an index may count from the end
	at = c.ReduceSum(c.Mul(at, c.Ints(steps...)), false, -1)
	n, width := at.Len(), x.Len()/rows
	y := c.Apply("ScatterElements", graphs.Attributes{"axis": int64(0), "reduction": reduction}, c.Reshape(x, rows, width),
		c.Expand(c.Reshape(at, n, 1), nil, n, width), c.Reshape(updates, n, width))
	return c.Reshape(y, x.Shape...)
}

// get reads what is in x at the node's indices.
func (p pair) get(c *Call, x *graphs.Value) *graphs.Value {
	a := graphs.Attributes{}
	if p.read == "GatherElements" {
		a["axis"] = c.Axis(0)
	}
	return c.shaped(c.In(2).Shape, p.read, a, x, c.In(1))
}

// scattered: where elements are replaced only the updates have a gradient; the
// largest (smallest) ones share it.
func (p pair) scattered(c *Call) []*graphs.Value {
	x, updates, dy := c.In(0), c.In(2), c.Grad(0)
	switch reduction, _ := c.node.Attributes["reduction"].(string); reduction {
	case "", "none":
		return []*graphs.Value{p.put(c, "none", dy, c.zeros(updates.Shape)), nil, p.get(c, dy)}
	case "add":
		return []*graphs.Value{dy, nil, p.get(c, dy)}
	case "max", "min":
		chosen := c.Cast(c.Equal(x, c.Out(0)), x.Type)
		chosenUpdates := c.Cast(c.Equal(updates, p.get(c, c.Out(0))), x.Type)
		share := c.Div(dy, p.put(c, "add", chosen, chosenUpdates))
		return []*graphs.Value{c.Mul(chosen, share), nil, c.Mul(chosenUpdates, p.get(c, share))}
	case "mul":
		zero := c.Cast(c.Equal(updates, c.Scalar(0)), x.Type)
		nonzero := c.Add(updates, zero)
		zeros := p.put(c, "add", c.zeros(x.Shape), zero)
		others := c.Cast(c.Equal(p.get(c, zeros), zero), x.Type) // none of them is 0
		rest := c.Div(p.get(c, c.Mul(dy, p.put(c, "mul", x, nonzero))), nonzero)
		return []*graphs.Value{c.Mul(dy, p.put(c, "mul", c.Expand(c.Scalar(1), nil, x.Shape...), updates)), nil, c.Mul(rest, others)}
	default:
		return c.refuse("reduction %s is not supported", reduction)
	}
}
