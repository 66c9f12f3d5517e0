package importer

import (
	"errors"
	"fmt"
	"slices"

	"fovea/graphs"
	"fovea/internal/numbers"
	"fovea/onnx/limits"
	"fovea/onnx/pb"
)

// reshaped writes each operator that only changes the shape as a Reshape to the shape that the trace saw.
func reshaped(b *builder, n *graphs.Node, results []*graphs.Value) error {
	if slices.Contains(results[0].Shape, 0) {
		return errors.New("empty results are not supported")
	}
	n.Op, n.Attributes = "Reshape", nil
	n.Inputs = []*graphs.Value{n.Inputs[0], b.Graph.Ints(results[0].Shape...)}
	return nil
}

// transpose writes the default permutation, which reverses the axes.
func transpose(_ *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Attributes.Ints("perm") == nil {
		perm := []int64{}
		for i := n.Inputs[0].Rank() - 1; i >= 0; i-- {
			perm = append(perm, int64(i))
		}
		n.Attributes["perm"] = perm
	}
	return nil
}

// slice counts the bounds from the front, clamps them to the axis and names the axes. It keeps steps only if one of
// them is not 1. Before opset 10 all these lists were attributes.
func slice(b *builder, n *graphs.Node, _ []*graphs.Value) error {
	var lists [4][]int64
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if n.Version < 10 {
			lists[i] = n.Attributes.Ints(name)
		} else if i+1 < len(n.Inputs) {
			lists[i], _ = integers(n.Inputs[i+1])
		}
	}
	starts, ends, axes, steps := slices.Clone(lists[0]), slices.Clone(lists[1]), slices.Clone(lists[2]), lists[3]
	if len(starts) != len(ends) || axes != nil && len(axes) != len(starts) ||
		steps != nil && len(steps) != len(starts) {
		return errors.New("starts, ends, axes and steps are not equally many")
	}
	x, unitSteps := n.Inputs[0], true
	for i := range starts {
		if axes == nil || len(axes) == i {
			axes = append(axes, int64(i))
		}
		axis, err := graphs.Axis(axes[i], x.Rank())
		if err != nil {
			return err
		}
		axes[i] = int64(axis)
		if steps != nil && steps[i] != 1 {
			unitSteps = false
			continue
		}
		starts[i], ends[i] = limits.Clamp(starts[i], x.Shape[axis]), limits.Clamp(ends[i], x.Shape[axis])
	}
	n.Attributes = nil
	n.Inputs = []*graphs.Value{x, b.Graph.Ints(starts...), b.Graph.Ints(ends...), b.Graph.Ints(axes...)}
	if !unitSteps {
		n.Inputs = append(n.Inputs, b.Graph.Ints(steps...))
	}
	return nil
}

// split writes the sizes of the parts, which may be left out, as an input. Before opset 13 they were an attribute.
func split(b *builder, n *graphs.Node, results []*graphs.Value) error {
	axis, err := graphs.Axis(n.Attributes.Int("axis", 0), n.Inputs[0].Rank())
	if err != nil {
		return err
	}
	var sizes []int64
	for _, v := range results {
		if v == nil {
			return errors.New("a part without a name is not supported")
		}
		sizes = append(sizes, v.Shape[axis])
	}
	n.Attributes = graphs.Attributes{"axis": int64(axis)}
	n.Inputs = []*graphs.Value{n.Inputs[0], b.Graph.Ints(sizes...)}
	return nil
}

// pad writes amounts for all axes and the value as inputs. Before opset 11 both were attributes. Since opset 18 a node
// may name some axes only.
func pad(b *builder, n *graphs.Node, _ []*graphs.Value) error {
	x := n.Inputs[0]
	if n.Version < 11 {
		n.Inputs = []*graphs.Value{x, b.Graph.Ints(n.Attributes.Ints("pads")...)}
		if value := n.Attributes.Float("value", 0); value != 0 {
			n.Inputs = append(n.Inputs, b.Graph.Scalar(float64(value)))
		}
		delete(n.Attributes, "pads")
		delete(n.Attributes, "value")
		return nil
	}
	if n.Input(3) == nil {
		return nil
	}
	pads, _ := integers(n.Inputs[1])
	axes, _ := integers(n.Inputs[3])
	if len(pads) != 2*len(axes) {
		return fmt.Errorf("%d paddings for %d axes", len(pads), len(axes))
	}
	all := make([]int64, 2*x.Rank())
	for i, a := range axes {
		axis, err := graphs.Axis(a, x.Rank())
		if err != nil {
			return err
		}
		all[axis], all[axis+x.Rank()] = pads[i], pads[i+len(axes)]
	}
	n.Inputs = []*graphs.Value{x, b.Graph.Ints(all...), n.Inputs[2]}
	return nil
}

// integers returns the elements of a constant of int64 or int32.
func integers(v *graphs.Value) ([]int64, bool) {
	if v == nil || v.Type != pb.TensorProto_INT32 {
		return v.IntValues()
	}
	data, ok := v.Content()
	var out []int64
	for _, x := range numbers.Decode[int32](data) {
		out = append(out, int64(x))
	}
	return out, ok
}

// isFalse reports whether v is a constant false.
func isFalse(v *graphs.Value) bool {
	data, ok := v.Content()
	return ok && len(data) == 1 && data[0] == 0
}
