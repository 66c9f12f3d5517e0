package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fovea/graphs"
	"fovea/onnx/pb"
)

// A form rewrites a node of an older opset, or one that leaves something out,
// into the form that the rules know: opset 20's, with all there is to say said.
// The operator's changes are those that ONNX's Changelog.md lists.
type form func(b *builder, n *graphs.Node, results []*graphs.Value) error

var forms = map[string]form{
	"Reshape": reshaped, "Flatten": reshaped, "Squeeze": reshaped, "Unsqueeze": reshaped,
	"Slice": slice, "Split": split, "Pad": pad, "Transpose": transpose,
	"ReduceSum": reduced(13), "ReduceMean": reduced(18), "ReduceMax": reduced(18), "ReduceMin": reduced(18),
	"ReduceProd": reduced(18), "ReduceL1": reduced(18), "ReduceL2": reduced(18), "ReduceLogSum": reduced(18),
	"ReduceLogSumExp": reduced(18), "ReduceSumSquare": reduced(18),
	"Softmax": alongAxis, "LogSoftmax": alongAxis, "Hardmax": alongAxis,
	"Clip": clip, "TopK": topK, "Upsample": resize, "Resize": resize,
	"Scatter":            func(b *builder, n *graphs.Node, _ []*graphs.Value) error { n.Op = "ScatterElements"; return nil },
	"GridSample":         gridSample,
	"BatchNormalization": batchNormalization,
}

// rewritten tells whether nodes of an operator are not taken over as they are.
func rewritten(op string) bool {
	return forms[op] != nil || op == "Identity" || op == "Dropout" || op == "LayerNormalization"
}

// modernise brings a node of the standard domain into the form of opset 20, or
// of the model's own opset where that is newer.
func (b *builder) modernise(n *graphs.Node, results []*graphs.Value) ([]*graphs.Value, error) {
	if f := forms[n.Op]; f != nil {
		if err := f(b, n, results); err != nil {
			return nil, err
		}
	}
	switch n.Op {
	case "BatchNormalization":
		results = results[:1]
	case "LayerNormalization":
		return withStatistics(n, results), nil
	}
	return results, nil
}

// reshaped: whatever says the new shape, it is known.
func reshaped(b *builder, n *graphs.Node, results []*graphs.Value) error {
	if slices.Contains(results[0].Shape, 0) {
		return errors.New("empty results are not supported")
	}
	n.Op, n.Attributes = "Reshape", nil
	n.Inputs = []*graphs.Value{n.Inputs[0], b.Graph.Ints(results[0].Shape...)}
	return nil
}

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

// reduced: until a version the axes are an attribute. None, or an empty list,
// mean all, or nothing with noop_with_empty_axes.
func reduced(version int64) form {
	return func(b *builder, n *graphs.Node, _ []*graphs.Value) error {
		axes := n.Attributes.Ints("axes")
		if n.Version >= version && len(n.Inputs) > 1 {
			axes, _ = integers(n.Inputs[1])
		}
		delete(n.Attributes, "axes")
		noop := n.Attributes.Int("noop_with_empty_axes", 0) == 1
		delete(n.Attributes, "noop_with_empty_axes")
		n.Inputs = n.Inputs[:1]
		switch {
		case len(axes) > 0:
			n.Inputs = append(n.Inputs, b.Graph.Ints(axes...))
		case noop && slices.Contains([]string{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"}, n.Op):
			n.Op, n.Attributes = "Identity", nil
		case noop:
			return errors.New("noop_with_empty_axes is not supported")
		}
		return nil
	}
}

// alongAxis: before opset 13 all dimensions from the axis on were one, and the
// axis was 1 if none was said.
func alongAxis(b *builder, n *graphs.Node, results []*graphs.Value) error {
	x := n.Inputs[0]
	if n.Version >= 13 {
		return nil
	}
	axis := n.Attributes.Int("axis", 1)
	if axis < 0 {
		axis += int64(x.Rank())
	}
	if n.Attributes = (graphs.Attributes{"axis": int64(-1)}); int(axis) == x.Rank()-1 {
		return nil
	}
	if axis < 0 || int(axis) > x.Rank() {
		return fmt.Errorf("axis %d is outside of rank %d", axis, x.Rank())
	}
	rows := int64(1)
	for _, d := range x.Shape[:axis] {
		rows *= d
	}
	flat := &graphs.Value{Type: x.Type, Shape: []int64{rows, x.Len() / max(rows, 1)}}
	inner := &graphs.Node{Op: n.Op, Name: n.Name, Version: n.Version, Attributes: n.Attributes,
		Inputs: []*graphs.Value{b.Graph.Reshape(x, flat.Shape...)}}
	b.Graph.Append(inner, flat)
	n.Op, n.Name, n.Attributes = "Reshape", "", nil
	n.Inputs = []*graphs.Value{flat, b.Graph.Ints(results[0].Shape...)}
	return nil
}

// slice: until opset 10 attributes. Bounds are counted from the front, inside
// of the axis, and axes are named; steps stay only where they are not all 1.
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
	if len(starts) != len(ends) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return errors.New("starts, ends, axes and steps are not equally many")
	}
	x, plain := n.Inputs[0], true
	for i := range starts {
		if axes == nil || len(axes) == i {
			axes = append(axes, int64(i))
		}
		if axes[i] < 0 {
			axes[i] += int64(x.Rank())
		}
		if axes[i] < 0 || int(axes[i]) >= x.Rank() {
			return fmt.Errorf("axis %d is outside of rank %d", axes[i], x.Rank())
		}
		if steps != nil && steps[i] != 1 {
			plain = false
			continue
		}
		size := x.Shape[axes[i]]
		starts[i], ends[i] = inside(starts[i], size), inside(ends[i], size)
	}
	n.Attributes = nil
	n.Inputs = []*graphs.Value{x, b.Graph.Ints(starts...), b.Graph.Ints(ends...), b.Graph.Ints(axes...)}
	if !plain {
		n.Inputs = append(n.Inputs, b.Graph.Ints(steps...))
	}
	return nil
}

// inside counts a bound from the front and puts it into [0, size].
func inside(at, size int64) int64 {
	if at < 0 {
		at += size
	}
	return min(max(at, 0), size)
}

// split: until opset 13 the sizes were an attribute, and they may be left out.
func split(b *builder, n *graphs.Node, results []*graphs.Value) error {
	axis := n.Attributes.Int("axis", 0)
	if axis < 0 {
		axis += int64(n.Inputs[0].Rank())
	}
	var sizes []int64
	for _, v := range results {
		if v == nil {
			return errors.New("a part without a name is not supported")
		}
		if axis < 0 || int(axis) >= v.Rank() {
			return fmt.Errorf("axis %d is outside of rank %d", axis, v.Rank())
		}
		sizes = append(sizes, v.Shape[axis])
	}
	n.Attributes = graphs.Attributes{"axis": axis}
	n.Inputs = []*graphs.Value{n.Inputs[0], b.Graph.Ints(sizes...)}
	return nil
}

// pad: until opset 11 amounts and value were attributes; since 18 axes may be
// named.
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
	if len(n.Inputs) < 4 || n.Inputs[3] == nil {
		return nil
	}
	pads, _ := integers(n.Inputs[1])
	axes, _ := integers(n.Inputs[3])
	if len(pads) != 2*len(axes) {
		return fmt.Errorf("%d paddings for %d axes", len(pads), len(axes))
	}
	all := make([]int64, 2*x.Rank())
	for i, a := range axes {
		if a < 0 {
			a += int64(x.Rank())
		}
		if a < 0 || int(a) >= x.Rank() {
			return fmt.Errorf("axis %d is outside of rank %d", a, x.Rank())
		}
		all[a], all[int(a)+x.Rank()] = pads[i], pads[i+len(axes)]
	}
	n.Inputs = []*graphs.Value{x, b.Graph.Ints(all...), n.Inputs[2]}
	return nil
}

// clip: until opset 11 the limits were attributes.
func clip(b *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Version >= 11 {
		return nil
	}
	if n.Inputs[0].Type != graphs.Float32 {
		return errors.New("limits of another type than float32 are not supported")
	}
	n.Inputs = append(n.Inputs, b.Graph.Scalar(float64(n.Attributes.Float("min", -math.MaxFloat32))),
		b.Graph.Scalar(float64(n.Attributes.Float("max", math.MaxFloat32))))
	n.Attributes = nil
	return nil
}

// topK: until opset 10 the number was an attribute.
func topK(b *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Version < 10 {
		n.Inputs = append(n.Inputs, b.Graph.Ints(n.Attributes.Int("k", 0)))
		delete(n.Attributes, "k")
	}
	return nil
}

// resize: Upsample, and Resize of opset 10, have no box and take coordinates
// without their half.
func resize(_ *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Version >= 11 {
		return nil
	}
	if len(n.Inputs) < 2 {
		return errors.New("its scales are missing")
	}
	n.Op = "Resize"
	n.Inputs = []*graphs.Value{n.Inputs[0], nil, n.Inputs[1]}
	n.Attributes["coordinate_transformation_mode"], n.Attributes["nearest_mode"] = "asymmetric", "floor"
	if n.Attributes["mode"] == "bilinear" {
		n.Attributes["mode"] = "linear"
	}
	return nil
}

// gridSample: opset 20 renamed the modes.
func gridSample(_ *builder, n *graphs.Node, _ []*graphs.Value) error {
	if mode, ok := n.Attributes["mode"].(string); ok && strings.HasPrefix(mode, "bi") {
		n.Attributes["mode"] = map[string]string{"bilinear": "linear", "bicubic": "cubic"}[mode]
	}
	return nil
}

// batchNormalization: in training mode, which before opset 14 its further
// outputs told, its statistics depend on the batch.
func batchNormalization(_ *builder, n *graphs.Node, results []*graphs.Value) error {
	further := slices.ContainsFunc(results[1:], func(v *graphs.Value) bool { return v != nil })
	if n.Attributes.Int("training_mode", 0) == 1 || further {
		return errors.New("it is in training mode: export the model in inference mode")
	}
	return nil
}

// withStatistics asks LayerNormalization for mean and inverse standard
// deviation, which its gradient reads.
func withStatistics(n *graphs.Node, results []*graphs.Value) []*graphs.Value {
	x, axis := n.Inputs[0], n.Attributes.Int("axis", -1)
	if axis < 0 {
		axis += int64(x.Rank())
	}
	statistics := slices.Clone(x.Shape)
	for i := int(max(axis, 0)); i < len(statistics); i++ {
		statistics[i] = 1
	}
	for i := 1; i < 3; i++ {
		if len(results) == i {
			results = append(results, nil)
		}
		if results[i] == nil {
			results[i] = &graphs.Value{Type: graphs.Float32, Shape: slices.Clone(statistics)}
		}
	}
	return results
}

// integers is the content of a constant of int64 or int32.
func integers(v *graphs.Value) ([]int64, bool) {
	if v == nil || v.Type != pb.TensorProto_INT32 {
		return v.IntValues()
	}
	data, ok := v.Content()
	var out []int64
	for ; len(data) >= 4; data = data[4:] {
		out = append(out, int64(int32(binary.LittleEndian.Uint32(data))))
	}
	return out, ok
}

// isFalse tells whether v is a constant false.
func isFalse(v *graphs.Value) bool {
	data, ok := v.Content()
	return ok && len(data) == 1 && data[0] == 0
}
