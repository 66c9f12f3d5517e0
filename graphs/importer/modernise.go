package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fovea/graphs"
)

// A form rewrites a node of an older opset, or one that leaves something out, into the form that the rules expect: that
// of opset 20 with nothing left to defaults. ONNX's Changelog.md lists what changed in each operator.
type form func(b *builder, n *graphs.Node, results []*graphs.Value) error

// forms lists the operators that are rewritten.
var forms = map[string]form{
	"Reshape": reshaped, "Flatten": reshaped, "Squeeze": reshaped, "Unsqueeze": reshaped,
	"Slice": slice, "Split": split, "Pad": pad, "Transpose": transpose,
	"ReduceSum": reduced(13), "ReduceMean": reduced(18), "ReduceMax": reduced(18), "ReduceMin": reduced(18),
	"ReduceProd": reduced(18), "ReduceL1": reduced(18), "ReduceL2": reduced(18), "ReduceLogSum": reduced(18),
	"ReduceLogSumExp": reduced(18), "ReduceSumSquare": reduced(18),
	"Softmax": alongAxis, "LogSoftmax": alongAxis, "Hardmax": alongAxis,
	"Clip": clip, "TopK": topK, "Upsample": resize, "Resize": resize,
	"Scatter":            scatter,
	"GridSample":         gridSample,
	"DFT":                dft,
	"RoiAlign":           roiAlign,
	"BatchNormalization": batchNormalization,
}

// rewritten reports whether nodes of an operator are changed by the import.
func rewritten(op string) bool {
	return forms[op] != nil || op == "Identity" || op == "Dropout" || op == "LayerNormalization"
}

// modernise rewrites a node of the standard domain into the form of opset 20, or of the model's own opset where that is
// newer.
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

// reduced returns the form of a reduction whose axes are an attribute before a version. Without axes, or with an empty
// list, it reduces all axes, or none with noop_with_empty_axes.
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

// alongAxis rewrites a node of an opset before 13, where all dimensions from the axis on were one and the default axis
// was 1.
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

// scatter renames the operator, as opset 11 did.
func scatter(_ *builder, n *graphs.Node, _ []*graphs.Value) error {
	n.Op = "ScatterElements"
	return nil
}

// clip makes the limits inputs. Before opset 11 they were attributes.
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

// topK makes the number of elements an input. Before opset 10 it was an attribute.
func topK(b *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Version < 10 {
		n.Inputs = append(n.Inputs, b.Graph.Ints(n.Attributes.Int("k", 0)))
		delete(n.Attributes, "k")
	}
	return nil
}

// resize rewrites Upsample, and Resize of opset 10. These map coordinates without the half pixel. Mode nearest takes
// the next lower element, or the next higher one to make an axis shorter. Before opset 9 the scales were an attribute.
func resize(b *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Version >= 11 {
		return nil
	}
	if list, ok := n.Attributes["scales"].([]float32); ok && n.Version < 9 {
		n.Inputs = append(n.Inputs, b.Graph.Floats(list, int64(len(list))))
		delete(n.Attributes, "scales")
	}
	if len(n.Inputs) < 2 {
		return errors.New("its scales are missing")
	}
	scales, _ := n.Inputs[1].FloatValues()
	longer := slices.ContainsFunc(scales, func(s float32) bool { return s > 1 })
	shorter := slices.ContainsFunc(scales, func(s float32) bool { return s < 1 })
	if mode := n.Attributes["mode"]; longer && shorter && (mode == nil || mode == "nearest") {
		return errors.New("to make one axis longer and another shorter in mode nearest of opset 10 is not supported")
	}
	n.Op = "Resize"
	n.Inputs = []*graphs.Value{n.Inputs[0], nil, n.Inputs[1]}
	n.Attributes["coordinate_transformation_mode"], n.Attributes["nearest_mode"] = "asymmetric", "floor"
	if shorter {
		n.Attributes["nearest_mode"] = "ceil"
	}
	if n.Attributes["mode"] == "bilinear" {
		n.Attributes["mode"] = "linear"
	}
	return nil
}

// dft makes the axis an input. Before opset 20 it was an attribute.
func dft(b *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Version < 20 {
		axis := binary.LittleEndian.AppendUint64(nil, uint64(n.Attributes.Int("axis", 1)))
		n.Inputs = append(append(n.Inputs, nil)[:2:2], b.Graph.Constant(graphs.Int64, []int64{}, axis))
		delete(n.Attributes, "axis")
	}
	return nil
}

// roiAlign names the only mode that existed before opset 16.
func roiAlign(_ *builder, n *graphs.Node, _ []*graphs.Value) error {
	if n.Version < 16 {
		n.Attributes["coordinate_transformation_mode"] = "output_half_pixel"
	}
	return nil
}

// gridSample gives the modes the names of opset 20.
func gridSample(_ *builder, n *graphs.Node, _ []*graphs.Value) error {
	if mode, ok := n.Attributes["mode"].(string); ok && strings.HasPrefix(mode, "bi") {
		n.Attributes["mode"] = map[string]string{"bilinear": "linear", "bicubic": "cubic"}[mode]
	}
	return nil
}

// batchNormalization refuses training mode, in which the statistics depend on the batch. Before opset 14 further
// outputs meant this mode.
func batchNormalization(_ *builder, n *graphs.Node, results []*graphs.Value) error {
	further := slices.ContainsFunc(results[1:], func(v *graphs.Value) bool { return v != nil })
	if n.Attributes.Int("training_mode", 0) == 1 || further {
		return errors.New("it is in training mode: export the model in inference mode")
	}
	if n.Version < 9 && n.Attributes.Int("spatial", 1) != 1 {
		return errors.New("statistics of each element, spatial 0, are not supported")
	}
	delete(n.Attributes, "spatial")
	return nil
}

// withStatistics adds the mean and the inverse standard deviation to the results of a LayerNormalization. The gradient
// reads them.
func withStatistics(n *graphs.Node, results []*graphs.Value) []*graphs.Value {
	x := n.Inputs[0]
	axis, _ := graphs.Axis(n.Attributes.Int("axis", -1), x.Rank()) // the runtime has checked it
	statistics := slices.Clone(x.Shape)
	for i := axis; i < len(statistics); i++ {
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
