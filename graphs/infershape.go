package graphs

import (
	"errors"
	"fmt"
	"slices"
)

// Inference for the operators that move elements without computing.

// constantInts returns input i of n, which must be a constant of integers. name is for the error.
func constantInts(n *Node, i int, name string) ([]int64, error) {
	if err := requireInputs(n, i+1); err != nil {
		return nil, err
	}
	values, ok := n.Inputs[i].IntValues()
	if !ok {
		return nil, fmt.Errorf("%s is not constant", name)
	}
	return values, nil
}

func inferReshape(n *Node) ([]Value, error) {
	target, err := constantInts(n, 1, "the new shape")
	if err != nil {
		return nil, err
	}
	x, shape := n.Inputs[0], slices.Clone(target)
	rest, open := int64(1), -1
	for i, d := range shape {
		switch {
		case d == -1 && open >= 0:
			return nil, errors.New("the new shape leaves two dimensions open")
		case d == -1:
			open = i
		case d == 0 && i < x.Rank() && x.Shape[i] != Dynamic:
			shape[i] = x.Shape[i]
			rest *= shape[i]
		case d <= 0:
			return nil, fmt.Errorf("dimension %d of the new shape is %d", i, d)
		default:
			rest *= d
		}
	}
	total := x.Len()
	switch {
	case total == Dynamic && open < 0:
		return nil, errors.New("the new shape is fixed, the old one is not")
	case total == Dynamic:
	// The open dimension takes the batch and all other elements that remain.
	case open >= 0 && rest > 0 && total%rest == 0:
		shape[open] = total / rest
	case open >= 0 || total != rest:
		return nil, fmt.Errorf("%d elements do not fill shape %s", total, shapeString(shape))
	}
	return one(x.Type, shape), nil
}

func inferTranspose(n *Node) ([]Value, error) {
	x, perm := n.Inputs[0], n.Attributes.Ints("perm")
	if len(perm) != x.Rank() {
		return nil, fmt.Errorf("permutation %v is not of rank %d", perm, x.Rank())
	}
	shape, seen := make([]int64, len(perm)), make([]bool, len(perm))
	for i, p := range perm {
		if p < 0 || p >= int64(len(perm)) || seen[p] {
			return nil, fmt.Errorf("%v is no permutation", perm)
		}
		seen[p] = true
		shape[i] = x.Shape[p]
	}
	return one(x.Type, shape), nil
}

func inferSqueeze(n *Node) ([]Value, error) {
	axes, err := constantInts(n, 1, "the list of axes")
	if err != nil {
		return nil, err
	}
	x := n.Inputs[0]
	drop := make([]bool, x.Rank())
	for _, a := range axes {
		i, err := Axis(a, x.Rank())
		if err != nil {
			return nil, err
		}
		if x.Shape[i] != 1 {
			return nil, fmt.Errorf("axis %d has size %d, not 1", i, x.Shape[i])
		}
		drop[i] = true
	}
	shape := []int64{}
	for i, d := range x.Shape {
		if !drop[i] {
			shape = append(shape, d)
		}
	}
	return one(x.Type, shape), nil
}

func inferConcat(n *Node) ([]Value, error) {
	if err := requireInputs(n, len(n.Inputs)); err != nil || len(n.Inputs) == 0 {
		return nil, errors.Join(err, errors.New("nothing to join"))
	}
	first := n.Inputs[0]
	along, err := Axis(n.Attributes.Int("axis", 0), first.Rank())
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first.Shape)
	for _, v := range n.Inputs[1:] {
		if v.Rank() != first.Rank() || v.Type != first.Type {
			return nil, errors.New("ranks or element types differ")
		}
		for i, d := range v.Shape {
			if i != along && d != shape[i] {
				return nil, fmt.Errorf("sizes %d and %d differ along axis %d", shape[i], d, i)
			}
		}
		shape[along] += v.Shape[along]
	}
	return one(first.Type, shape), nil
}

func inferSplit(n *Node) ([]Value, error) {
	sizes, err := constantInts(n, 1, "the list of sizes")
	if err != nil {
		return nil, err
	}
	x := n.Inputs[0]
	along, err := Axis(n.Attributes.Int("axis", 0), x.Rank())
	if err != nil {
		return nil, err
	}
	var out []Value
	sum := int64(0)
	for _, d := range sizes {
		shape := slices.Clone(x.Shape)
		shape[along] = d
		sum += d
		out = append(out, Value{Type: x.Type, Shape: shape})
	}
	if sum != x.Shape[along] {
		return nil, fmt.Errorf("sizes %v do not add up to %d", sizes, x.Shape[along])
	}
	return out, nil
}

// inferSlice accepts constant starts, ends, axes and positive steps.
func inferSlice(n *Node) ([]Value, error) {
	starts, err1 := constantInts(n, 1, "start")
	ends, err2 := constantInts(n, 2, "end")
	axes, err3 := constantInts(n, 3, "the list of axes")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	steps := slices.Repeat([]int64{1}, len(axes))
	if len(n.Inputs) > 4 {
		var err error
		if steps, err = constantInts(n, 4, "the list of steps"); err != nil {
			return nil, err
		}
	}
	if len(starts) != len(axes) || len(ends) != len(axes) || len(steps) != len(axes) ||
		slices.Min(append(steps, 1)) < 1 {
		return nil, errors.New("starts, ends, axes and steps must be equally many, and steps at least 1")
	}
	x := n.Inputs[0]
	shape := slices.Clone(x.Shape)
	for i, a := range axes {
		along, err := Axis(a, x.Rank())
		if err != nil {
			return nil, err
		}
		if starts[i] < 0 || ends[i] > x.Shape[along] || starts[i] >= ends[i] {
			return nil, fmt.Errorf("[%d:%d] is not inside of axis %d", starts[i], ends[i], along)
		}
		shape[along] = (ends[i] - starts[i] + steps[i] - 1) / steps[i]
	}
	return one(x.Type, shape), nil
}

func inferPad(n *Node) ([]Value, error) {
	pads, err := constantInts(n, 1, "the list of paddings")
	if err != nil {
		return nil, err
	}
	x := n.Inputs[0]
	if len(pads) != 2*x.Rank() {
		return nil, fmt.Errorf("%d paddings for rank %d", len(pads), x.Rank())
	}
	shape := slices.Clone(x.Shape)
	for i := range shape {
		if shape[i] != Dynamic {
			shape[i] += pads[i] + pads[i+x.Rank()]
		} else if pads[i] != 0 || pads[i+x.Rank()] != 0 {
			return nil, errors.New("the batch cannot be padded")
		}
	}
	return one(x.Type, shape), nil
}

// inferExpand accepts a target shape that is constant or that Concat joins from parts of shapes. An unknown element of
// it is the batch.
func inferExpand(n *Node) ([]Value, error) {
	target, ok := n.Inputs[1].IntValues()
	if !ok {
		target, ok = shapeContent(n.Inputs[1])
	}
	if !ok {
		return nil, errors.New("the new shape is not known")
	}
	shape, err := broadcast(n.Inputs[0].Shape, target)
	return one(n.Inputs[0].Type, shape), err
}

// shapeContent follows Shape and Concat back to the sizes that they return.
func shapeContent(v *Value) ([]int64, bool) {
	if values, ok := v.IntValues(); ok {
		return values, true
	}
	if v.node == nil {
		return nil, false
	}
	switch v.node.Op {
	case "Shape":
		x := v.node.Inputs[0].Shape
		return x[v.node.Attributes.Int("start", 0):v.node.Attributes.Int("end", int64(len(x)))], true
	case "Concat":
		var out []int64
		for _, in := range v.node.Inputs {
			part, ok := shapeContent(in)
			if !ok {
				return nil, false
			}
			out = append(out, part...)
		}
		return out, true
	}
	return nil, false
}

func inferShape(n *Node) ([]Value, error) {
	rank := int64(n.Inputs[0].Rank())
	start, end := n.Attributes.Int("start", 0), n.Attributes.Int("end", rank)
	if start < 0 || end > rank || start > end {
		return nil, fmt.Errorf("dimensions %d to %d of rank %d", start, end, rank)
	}
	return one(Int64, []int64{end - start}), nil
}

func inferGather(n *Node) ([]Value, error) {
	x, index := n.Inputs[0], n.Inputs[1]
	a, err := Axis(n.Attributes.Int("axis", 0), x.Rank())
	if err != nil {
		return nil, err
	}
	return one(x.Type, slices.Concat(x.Shape[:a], index.Shape, x.Shape[a+1:])), nil
}
