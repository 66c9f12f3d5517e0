package autodiff

import (
	"slices"

	"fovea/graphs"
)

// Operators that read or write at indices.

// gather puts each gradient back to the place that its element came from.
func gather(c *Call, x, _, dy *value) *value {
	index, axis := c.In(1), c.Axis(0)
	shape := slices.Clone(x.Shape)
	shape[axis] = index.Len()
	dy = c.Reshape(dy, shape...)
	if places, ok := index.IntValues(); ok && consecutive(places) {
		return c.padTo(dy, axis, places[0], x.Shape[axis])
	}
	return c.scatterAdd(dy, axis, x.Shape[axis], index)
}

// consecutive reports whether each place follows the one before, counted from the front.
func consecutive(places []int64) bool {
	for i, p := range places {
		if p < 0 || p != places[0]+int64(i) {
			return false
		}
	}
	return len(places) > 0
}

// scatterAdd puts the elements of x along an axis at the places that index lists on an axis of the given size. Elements
// at the same place are added; the rest is 0.
func (c *Call) scatterAdd(x *value, axis, size int64, index *value) *value {
	whole := slices.Clone(x.Shape)
	whole[axis] = size
	return c.addAt(c.zeros(whole), axis, index, x)
}

// addAt adds the elements of x along an axis to those of sum at the places that index lists.
func (c *Call) addAt(sum *value, axis int64, index, x *value) *value {
	along := slices.Repeat([]int64{1}, x.Rank())
	along[axis] = index.Len()
	return c.Apply("ScatterElements", graphs.Attributes{"axis": axis, "reduction": "add"},
		sum, c.Expand(c.Reshape(index, along...), nil, x.Shape...), x)
}

// compress picks the elements at which a constant condition holds.
func compress(c *Call) []*value {
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
	x, dy, index := c.In(0), c.Grad(0), c.Ints(chosen...)
	if c.node.Attributes["axis"] == nil { // of all elements
		return []*value{c.Reshape(c.scatterAdd(dy, 0, x.Len(), index), x.Shape...)}
	}
	return []*value{c.scatterAdd(dy, c.Axis(0), x.Shape[c.Axis(0)], index)}
}

// topK puts each gradient to the index of its element.
func topK(c *Call) []*value {
	if len(c.node.Outputs) < 2 || c.Out(1) == nil {
		return c.refuse("the indices (output 1) are needed")
	}
	a := graphs.Attributes{"axis": c.Axis(-1)}
	return []*value{c.Apply("ScatterElements", a, c.zeros(c.In(0).Shape), c.Out(1), c.Grad(0))}
}

// oneHot: the second value gets the gradient of where it was put, the first the rest.
func oneHot(c *Call) []*value {
	dy := c.Grad(0)
	isOn := c.Append(&graphs.Node{Op: "OneHot", Attributes: c.node.Attributes,
		Inputs: []*value{c.In(0), c.In(1), c.Floats([]float32{0, 1}, 2)}}, &value{Type: dy.Type, Shape: dy.Shape})[0]
	on := c.Reshape(c.ReduceSum(c.Mul(dy, isOn), false), 1)
	off := c.Sub(c.Reshape(c.ReduceSum(dy, false), 1), on)
	return []*value{nil, nil, c.Concat(0, off, on)}
}

// tensorScatter writes the update of each image into its cache, from an index on, and around the end if the mode says
// so.
func tensorScatter(c *Call) []*value {
	cache, update := c.In(0), c.In(1)
	axis := c.Axis(-2)
	along, first := slices.Repeat([]int64{1}, cache.Rank()), slices.Repeat([]int64{1}, cache.Rank())
	along[axis], first[0] = update.Shape[axis], cache.Shape[0]
	index := c.Reshape(c.Ints(span(0, int(update.Shape[axis]))...), along...)
	if c.In(2) != nil {
		index = c.Add(index, c.Reshape(c.Cast(c.In(2), graphs.Int64), first...))
	}
	index = c.applyShaped(index.Shape, "Mod", nil, index, c.Ints(cache.Shape[axis]))
	index = c.Expand(index, nil, update.Shape...)
	return []*value{c.Apply("ScatterElements", graphs.Attributes{"axis": axis}, cache, index, update)}
}

// An indexing is a pair of operators that read from a tensor at indices and write there.
type indexing struct{ read, write string }

var elements, slabs = indexing{"GatherElements", "ScatterElements"}, indexing{"GatherND", "ScatterND"}

// gathered is the rule of the operator that reads.
func (op indexing) gathered(c *Call) []*value {
	if c.Int("batch_dims", 0) != 0 {
		return c.refuse("batch_dims is not supported")
	}
	return []*value{op.put(c, "add", c.zeros(c.In(0).Shape), c.Grad(0))}
}

// scattered is the rule of the operator that writes updates into x, combining them as reduction says.
func (op indexing) scattered(c *Call) []*value {
	x, updates, dy := c.In(0), c.In(2), c.Grad(0)
	switch reduction, _ := c.node.Attributes["reduction"].(string); reduction {
	case "", "none":
		return []*value{op.put(c, "none", dy, c.zeros(updates.Shape)), nil, op.get(c, dy)}
	case "add":
		return []*value{dy, nil, op.get(c, dy)}
	case "max", "min":
		return op.scatteredExtreme(c, x, updates, dy)
	case "mul":
		return op.scatteredProduct(c, x, updates, dy)
	default:
		return c.refuse("reduction %s is not supported", reduction)
	}
}

// scatteredExtreme: the largest (smallest) share the gradient.
func (op indexing) scatteredExtreme(c *Call, x, updates, dy *value) []*value {
	chosen := c.equal(x, c.Out(0))
	chosenUpdates := c.equal(updates, op.get(c, c.Out(0)))
	share := c.Div(dy, op.put(c, "add", chosen, chosenUpdates))
	return []*value{c.Mul(chosen, share), nil, c.Mul(chosenUpdates, op.get(c, share))}
}

// scatteredProduct multiplies each gradient with the product of all other factors. An update has a gradient where no
// other one at its place is 0.
func (op indexing) scatteredProduct(c *Call, x, updates, dy *value) []*value {
	isZero := c.equal(updates, c.Scalar(0))
	nonzero := c.Add(updates, isZero)
	zeros := op.put(c, "add", c.zeros(x.Shape), isZero)
	othersNotZero := c.equal(op.get(c, zeros), isZero)
	others := c.Div(op.get(c, c.Mul(dy, op.put(c, "mul", x, nonzero))), nonzero)
	ones := c.Expand(c.Scalar(1), nil, x.Shape...)
	return []*value{c.Mul(dy, op.put(c, "mul", ones, updates)), nil, c.Mul(others, othersNotZero)}
}

// put writes updates into x at the node's indices, combining as reduction says.
func (op indexing) put(c *Call, reduction string, x, updates *value) *value {
	if op == slabs && reduction != "none" {
		return c.putRows(reduction, x, updates)
	}
	a := graphs.Attributes{"reduction": reduction}
	if op == elements {
		a["axis"] = c.Axis(0)
	}
	return c.applyShaped(x.Shape, op.write, a, x, c.In(1), updates)
}

// putRows does what ScatterND does by ScatterElements, because ONNX Runtime's ScatterND loses updates: on the CPU its
// threads combine them without a lock.
func (c *Call) putRows(reduction string, x, updates *value) *value {
	index, rows := c.In(1), int64(1)
	sizes := x.Shape[:index.Shape[index.Rank()-1]]
	steps := make([]int64, len(sizes))
	for i, size := range slices.Backward(sizes) {
		steps[i], rows = rows, rows*size
	}
	at := c.applyShaped(index.Shape, "Mod", nil, index, c.Ints(sizes...)) // an index may count from the end
	at = c.ReduceSum(c.Mul(at, c.Ints(steps...)), false, -1)
	n, width := at.Len(), x.Len()/rows
	a := graphs.Attributes{"axis": int64(0), "reduction": reduction}
	y := c.Apply("ScatterElements", a, c.Reshape(x, rows, width), c.Expand(c.Reshape(at, n, 1), nil, n, width),
		c.Reshape(updates, n, width))
	return c.Reshape(y, x.Shape...)
}

// get reads what x has at the node's indices.
func (op indexing) get(c *Call, x *value) *value {
	a := graphs.Attributes{}
	if op == elements {
		a["axis"] = c.Axis(0)
	}
	return c.applyShaped(c.In(2).Shape, op.read, a, x, c.In(1))
}
