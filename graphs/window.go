package graphs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Window describes how a convolution or pooling node moves over the spatial axes of its input [N,C,D1,…]. Each list
// has an entry for each axis.
type Window struct {
	Kernel, Strides, Dilations []int64
	Before, After              []int64 // padding at the begin and the end of an axis
}

// WindowOf reads the window of a Conv, MaxPool or AveragePool node and turns auto_pad into explicit padding. kernel is
// the size where the node has no attribute kernel_shape.
func WindowOf(n *Node, kernel []int64) (Window, error) {
	x := n.Inputs[0].Shape
	if len(x) < 3 {
		return Window{}, fmt.Errorf("input of rank %d has no spatial axis", len(x))
	}
	rank := len(x) - 2
	if k := n.Attributes.Ints("kernel_shape"); k != nil {
		kernel = k
	}
	w := Window{Kernel: kernel, Strides: n.Attributes.Ints("strides"), Dilations: n.Attributes.Ints("dilations"),
		Before: make([]int64, rank), After: make([]int64, rank)}
	if w.Strides == nil {
		w.Strides = slices.Repeat([]int64{1}, rank)
	}
	if w.Dilations == nil {
		w.Dilations = slices.Repeat([]int64{1}, rank)
	}
	pads := n.Attributes.Ints("pads")
	if len(w.Kernel) != rank || len(w.Strides) != rank || len(w.Dilations) != rank ||
		(pads != nil && len(pads) != 2*rank) {
		return w, fmt.Errorf("kernel_shape, strides, dilations or pads do not fit %d spatial axes", rank)
	}
	auto, _ := n.Attributes["auto_pad"].(string)
	for i, size := range x[2:] {
		if w.Kernel[i] < 1 || w.Strides[i] < 1 || w.Dilations[i] < 1 {
			return w, errors.New("kernel_shape, strides and dilations must be at least 1")
		}
		switch auto {
		case "SAME_UPPER", "SAME_LOWER":
			steps := (size + w.Strides[i] - 1) / w.Strides[i]
			total := max(0, (steps-1)*w.Strides[i]+w.extent(i)-size)
			w.Before[i], w.After[i] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				w.Before[i], w.After[i] = w.After[i], w.Before[i]
			}
		case "", "NOTSET":
			if pads != nil {
				w.Before[i], w.After[i] = pads[i], pads[i+rank]
			}
		}
	}
	return w, nil
}

// TransposedWindow returns the window of the convolution that leads from a ConvTranspose node's output back to its
// input. The total padding follows from the shapes. auto_pad decides at which end it lies.
func TransposedWindow(n *Node) (Window, error) {
	x, y := n.Inputs[0], n.Outputs[0]
	back := &Node{Op: "Conv", Inputs: []*Value{y}, Attributes: maps.Clone(n.Attributes)}
	delete(back.Attributes, "auto_pad")
	w, err := WindowOf(back, n.Inputs[1].Shape[2:])
	if err != nil {
		return w, err
	}
	extra, auto := n.Attributes.Ints("output_padding"), n.Attributes["auto_pad"]
	if (auto == nil || auto == "NOTSET") && n.Attributes.Ints("output_shape") == nil {
		return w, nil
	}
	for i, size := range x.Shape[2:] {
		total := w.Strides[i]*(size-1) + w.extent(i) - y.Shape[i+2]
		if extra != nil {
			total += extra[i]
		}
		total = max(0, total) // a larger output has zeros at its end
		w.Before[i], w.After[i] = total-total/2, total/2
		if auto == "SAME_UPPER" {
			w.Before[i], w.After[i] = w.After[i], w.Before[i]
		}
	}
	return w, nil
}

// extent returns the number of elements that the dilated kernel spans.
func (w Window) extent(axis int) int64 { return w.Dilations[axis]*(w.Kernel[axis]-1) + 1 }

// Rest returns the number of elements behind the last step of the window, in the padded input.
func (w Window) Rest(axis int, size int64) int64 {
	return (size + w.Before[axis] + w.After[axis] - w.extent(axis)) % w.Strides[axis]
}

// Inside returns the number of elements of the window at position step that are not padding, on an axis of the given
// size.
func (w Window) Inside(axis int, step, size int64) (n int64) {
	for k := range w.Kernel[axis] {
		if i := step*w.Strides[axis] + k*w.Dilations[axis] - w.Before[axis]; 0 <= i && i < size {
			n++
		}
	}
	return n
}

// Pads returns the paddings in the order of the ONNX attribute.
func (w Window) Pads() []int64 { return slices.Concat(w.Before, w.After) }

// steps returns the number of positions of the window on each axis. If ceil is set, a last one may reach beyond the end
// if it begins before it.
func (w Window) steps(spatial []int64, ceil bool) ([]int64, error) {
	var out []int64
	for i, size := range spatial {
		room := size + w.Before[i] + w.After[i] - w.extent(i)
		if room < 0 {
			return nil, fmt.Errorf("the kernel reaches over %d elements, axis %d has %d with its padding",
				w.extent(i), i+2, room+w.extent(i))
		}
		steps := room/w.Strides[i] + 1
		if ceil && room%w.Strides[i] != 0 && steps*w.Strides[i] < size+w.Before[i] {
			steps++
		}
		out = append(out, steps)
	}
	return out, nil
}

// inferConv takes x [N,C,D…], weight [M,C/group,K…] and perhaps a bias [M].
func inferConv(n *Node) ([]Value, error) {
	x, weight, group := n.Inputs[0], n.Inputs[1], n.Attributes.Int("group", 1)
	if x.Rank() != weight.Rank() || x.Rank() < 3 || x.Shape[1] != group*weight.Shape[1] || weight.Shape[0]%group != 0 {
		return nil, fmt.Errorf("a weight of shape %s in %d groups does not fit %s",
			shapeString(weight.Shape), group, shapeString(x.Shape))
	}
	w, err := WindowOf(n, weight.Shape[2:])
	if err != nil {
		return nil, err
	}
	spatial, err := w.steps(x.Shape[2:], false)
	return one(x.Type, slices.Concat([]int64{x.Shape[0], weight.Shape[0]}, spatial)), err
}

// inferConvTranspose takes x [N,M,D…] and weight [M,C/group,K…], with explicit padding.
func inferConvTranspose(n *Node) ([]Value, error) {
	x, weight, a := n.Inputs[0], n.Inputs[1], n.Attributes
	rank := x.Rank() - 2
	strides, dilations := a.Ints("strides"), a.Ints("dilations")
	pads, extra := a.Ints("pads"), a.Ints("output_padding")
	if rank < 1 || weight.Rank() != rank+2 || x.Shape[1] != weight.Shape[0] ||
		len(strides) != rank || len(dilations) != rank || len(pads) != 2*rank || len(extra) != rank {
		return nil, errors.New("the weight, strides, dilations, pads and output_padding do not fit the input")
	}
	shape := []int64{x.Shape[0], weight.Shape[1] * a.Int("group", 1)}
	for i, size := range x.Shape[2:] {
		kernel := dilations[i]*(weight.Shape[i+2]-1) + 1
		shape = append(shape, (size-1)*strides[i]+extra[i]+kernel-pads[i]-pads[i+rank])
	}
	return one(x.Type, shape), nil
}

// inferPool returns the values and, for MaxPool, their indices in the whole input.
func inferPool(n *Node) ([]Value, error) {
	x := n.Inputs[0]
	w, err := WindowOf(n, nil)
	if err != nil {
		return nil, err
	}
	spatial, err := w.steps(x.Shape[2:], n.Attributes.Int("ceil_mode", 0) != 0)
	shape := slices.Concat(x.Shape[:2], spatial)
	return []Value{{Type: x.Type, Shape: shape}, {Type: Int64, Shape: shape}}, err
}

func inferGlobalPool(n *Node) ([]Value, error) {
	shape := slices.Clone(n.Inputs[0].Shape)
	for i := range shape {
		if i > 1 {
			shape[i] = 1
		}
	}
	return one(n.Inputs[0].Type, shape), nil
}

func inferBatchNormalization(n *Node) ([]Value, error) {
	x := n.Inputs[0]
	for i, v := range n.Inputs[1:] {
		if x.Rank() < 2 || v.Rank() != 1 || v.Shape[0] != x.Shape[1] {
			return nil, fmt.Errorf("input %d is no vector of the channels of %s", i+1, shapeString(x.Shape))
		}
	}
	return same(n)
}

// inferScatterElements takes data, and indices and updates of one shape.
func inferScatterElements(n *Node) ([]Value, error) {
	if !slices.Equal(n.Inputs[1].Shape, n.Inputs[2].Shape) || n.Inputs[0].Rank() != n.Inputs[1].Rank() {
		return nil, errors.New("data, indices and updates do not fit")
	}
	return same(n)
}
