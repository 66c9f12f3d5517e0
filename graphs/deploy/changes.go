package deploy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"fovea/graphs"
	"fovea/internal/numbers"
)

// A rewrite brings a node across the opset in which its operator changed. It may append nodes to g, which then stand in
// front of n. It returns an error if the other opset cannot express the node.
type rewrite func(g *graphs.Graph, n *graphs.Node) error

func refuse(*graphs.Graph, *graphs.Node) error { return errors.New("its meaning changed in between") }

// withoutAttributes removes attributes that the older opset does not have, if their values mean what the older operator
// does: 0 or one of the values listed here.
func withoutAttributes(names ...string) rewrite {
	harmless := map[string][]any{"saturate": {int64(1)}, "round_mode": {"up"}, "keep_aspect_ratio_policy": {"stretch"}}
	return func(_ *graphs.Graph, n *graphs.Node) error {
		for _, name := range names {
			value, set := n.Attributes[name]
			if !set {
				continue
			}
			list, isList := value.([]int64)
			allOnes := isList && !slices.ContainsFunc(list, func(d int64) bool { return d != 1 })
			if value != int64(0) && !slices.Contains(harmless[name], value) && !(name == "dilations" && allOnes) {
				return fmt.Errorf("attribute %s does not exist there", name)
			}
			delete(n.Attributes, name)
		}
		return nil
	}
}

// withoutInput removes an input that the older opset does not have, if it is absent.
func withoutInput(input int) rewrite {
	return func(_ *graphs.Graph, n *graphs.Node) error {
		if len(n.Inputs) > input && n.Inputs[input] != nil {
			return fmt.Errorf("input %d does not exist there", input)
		}
		n.Inputs = n.Inputs[:min(input, len(n.Inputs))]
		return nil
	}
}

// only refuses values of an attribute that the older opset does not have. If there is only one value, the older opset
// does not have the attribute either.
func only(name string, values ...string) rewrite {
	return func(_ *graphs.Graph, n *graphs.Node) error {
		if v, ok := n.Attributes[name].(string); ok && !slices.Contains(values, v) {
			return fmt.Errorf("%s %q does not exist there", name, v)
		}
		if len(values) == 1 {
			delete(n.Attributes, name)
		}
		return nil
	}
}

// withoutAllowZero removes the attribute that gives a 0 in the new shape its meaning. Without such a 0 it has none.
func withoutAllowZero(_ *graphs.Graph, n *graphs.Node) error {
	if n.Attributes.Int("allowzero", 0) != 0 && slices.Contains(n.Outputs[0].Shape, 0) {
		return errors.New("attribute allowzero does not exist there")
	}
	delete(n.Attributes, "allowzero")
	return nil
}

func withoutHalfPixelSymmetric(_ *graphs.Graph, n *graphs.Node) error {
	if n.Attributes["coordinate_transformation_mode"] == "half_pixel_symmetric" {
		return errors.New("coordinates half_pixel_symmetric do not exist there")
	}
	return nil
}

// outputHalfPixel names the only mode that RoiAlign had before opset 16.
func outputHalfPixel(_ *graphs.Graph, n *graphs.Node) error {
	n.Attributes["coordinate_transformation_mode"] = "output_half_pixel"
	return nil
}

// shortModes gives GridSample's modes the names of opset 20.
func shortModes(_ *graphs.Graph, n *graphs.Node) error {
	return renameMode(n, map[string]string{"bilinear": "linear", "bicubic": "cubic"})
}

// longModes gives GridSample's modes the names before opset 20.
func longModes(_ *graphs.Graph, n *graphs.Node) error {
	return renameMode(n, map[string]string{"linear": "bilinear", "cubic": "bicubic"})
}

// renameMode renames a mode that is set. The default means the same in all opsets.
func renameMode(n *graphs.Node, names map[string]string) error {
	if mode, ok := n.Attributes["mode"].(string); ok && names[mode] != "" {
		n.Attributes["mode"] = names[mode]
	}
	return nil
}

// dropoutToIdentity replaces Dropout, which does nothing in inference.
func dropoutToIdentity(_ *graphs.Graph, n *graphs.Node) error {
	n.Op, n.Attributes, n.Inputs, n.Outputs = "Identity", nil, n.Inputs[:1], n.Outputs[:1]
	return nil
}

// inferenceMode refuses a BatchNormalization in training mode. Before opset 14 further outputs meant this mode.
func inferenceMode(_ *graphs.Graph, n *graphs.Node) error {
	if len(n.Outputs) > 1 || n.Attributes.Int("spatial", 1) != 1 {
		return errors.New("it is in training mode")
	}
	delete(n.Attributes, "spatial")
	return nil
}

// listAsInput makes an attribute that lists integers the node's last input.
func listAsInput(name string) rewrite {
	return func(g *graphs.Graph, n *graphs.Node) error {
		if list := n.Attributes.Ints(name); list != nil {
			n.Inputs = append(n.Inputs, g.Ints(list...))
			delete(n.Attributes, name)
		}
		return nil
	}
}

// axesAsAttribute makes the axes of a reduction, its second input, an attribute.
func axesAsAttribute(_ *graphs.Graph, n *graphs.Node) error {
	if n.Attributes.Int("noop_with_empty_axes", 0) != 0 {
		return errors.New("attribute noop_with_empty_axes does not exist there")
	}
	delete(n.Attributes, "noop_with_empty_axes")
	if n.Input(1) != nil {
		axes, ok := n.Inputs[1].IntValues()
		if !ok {
			return errors.New("its axes are computed")
		}
		if len(axes) > 0 {
			if n.Attributes == nil {
				n.Attributes = graphs.Attributes{}
			}
			n.Attributes["axes"] = axes
		}
	}
	n.Inputs = n.Inputs[:1]
	return nil
}

// countParts sets the number of a Split's parts, which opset 18 requires if the sizes are left out.
func countParts(_ *graphs.Graph, n *graphs.Node) error {
	if n.Input(1) == nil {
		n.Attributes["num_outputs"] = int64(len(n.Outputs))
	}
	return nil
}

// listSizes lists the sizes of a Split's parts. Before opset 18, a Split without sizes made equal parts.
func listSizes(g *graphs.Graph, n *graphs.Node) error {
	if _, set := n.Attributes["num_outputs"]; !set {
		return nil
	}
	delete(n.Attributes, "num_outputs")
	axis := n.Attributes.Int("axis", 0)
	if axis < 0 {
		axis += int64(n.Inputs[0].Rank())
	}
	var sizes []int64
	for _, out := range n.Outputs {
		sizes = append(sizes, out.Shape[axis])
	}
	n.Inputs = []*graphs.Value{n.Inputs[0], g.Ints(sizes...)}
	return nil
}

// sliceOfShape cuts the dimensions out of a whole Shape. Before opset 15, Shape returned all of them.
func sliceOfShape(g *graphs.Graph, n *graphs.Node) error {
	_, hasStart := n.Attributes["start"]
	_, hasEnd := n.Attributes["end"]
	if !hasStart && !hasEnd {
		return nil
	}
	all := &graphs.Value{Type: graphs.Int64, Shape: []int64{int64(n.Inputs[0].Rank())}}
	g.Append(&graphs.Node{Op: "Shape", Inputs: n.Inputs, Version: 13}, all)
	start, end := n.Attributes.Int("start", 0), n.Attributes.Int("end", math.MaxInt64)
	n.Op, n.Attributes, n.Inputs = "Slice", nil, []*graphs.Value{all, g.Ints(start), g.Ints(end), g.Ints(0)}
	return nil
}

// overLastAxis accepts a Softmax over the last axis. Before opset 13 it was over all dimensions from the axis on, and
// the default axis was 1.
func overLastAxis(_ *graphs.Graph, n *graphs.Node) error {
	axis, rank := n.Attributes.Int("axis", 1), int64(n.Inputs[0].Rank())
	if axis < 0 {
		axis += rank
	}
	if axis != rank-1 {
		return fmt.Errorf("it is over all dimensions from %d on", axis)
	}
	n.Attributes["axis"] = int64(-1)
	return nil
}

func limitsAsInputs(g *graphs.Graph, n *graphs.Node) error {
	n.Inputs = append(n.Inputs, g.Scalar(float64(n.Attributes.Float("min", -math.MaxFloat32))),
		g.Scalar(float64(n.Attributes.Float("max", math.MaxFloat32))))
	n.Attributes = nil
	return nil
}

func padsAsInputs(g *graphs.Graph, n *graphs.Node) error {
	pads := n.Attributes.Ints("pads")
	value := numbers.Encode([]float32{n.Attributes.Float("value", 0)})
	n.Inputs = append(n.Inputs, g.Ints(pads...), g.Constant(graphs.Float32, nil, value))
	delete(n.Attributes, "pads")
	delete(n.Attributes, "value")
	return nil
}
