package deploy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"fovea/graphs"
	"fovea/internal/numbers"
)

// What has to be done to a node where its operator changed.

func refuse(*graphs.Graph, *graphs.Node) error { return errors.New("its meaning changed in between") }

// lacking: before, the attributes did not exist; their default, 0 or what they
// are without, is what the operator did.
func lacking(names ...string) func(*graphs.Graph, *graphs.Node) error {
	harmless := map[string][]any{"saturate": {int64(1)}, "round_mode": {"up"}, "keep_aspect_ratio_policy": {"stretch"}}
	return func(_ *graphs.Graph, n *graphs.Node) error {
		for _, name := range names {
			value, said := n.Attributes[name]
			if !said {
				continue
			}
			ones, isList := value.([]int64)
			if value != int64(0) && !slices.Contains(harmless[name], value) &&
				!(isList && name == "dilations" && !slices.ContainsFunc(ones, func(d int64) bool { return d != 1 })) {
				return fmt.Errorf("attribute %s does not exist there", name)
			}
			delete(n.Attributes, name)
		}
		return nil
	}
}

func without(input int) func(*graphs.Graph, *graphs.Node) error {
	return func(_ *graphs.Graph, n *graphs.Node) error {
		if len(n.Inputs) > input && n.Inputs[input] != nil {
			return fmt.Errorf("input %d does not exist there", input)
		}
		n.Inputs = n.Inputs[:min(input, len(n.Inputs))]
		return nil
	}
}

func onlyModes(modes ...string) func(*graphs.Graph, *graphs.Node) error {
	return only("mode", modes)
}

func onlyReductions(reductions ...string) func(*graphs.Graph, *graphs.Node) error {
	return func(g *graphs.Graph, n *graphs.Node) error {
		if err := only("reduction", reductions)(g, n); err != nil {
			return err
		}
		if len(reductions) == 1 {
			delete(n.Attributes, "reduction")
		}
		return nil
	}
}

func only(name string, values []string) func(*graphs.Graph, *graphs.Node) error {
	return func(_ *graphs.Graph, n *graphs.Node) error {
		if v, ok := n.Attributes[name].(string); ok && !slices.Contains(values, v) {
			return fmt.Errorf("%s %q does not exist there", name, v)
		}
		return nil
	}
}

// withoutZeros: allowzero says what a 0 in the shape means; there is none.
func withoutZeros(_ *graphs.Graph, n *graphs.Node) error {
	if n.Attributes.Int("allowzero", 0) != 0 && slices.Contains(n.Outputs[0].Shape, 0) {
		return errors.New("attribute allowzero does not exist there")
	}
	delete(n.Attributes, "allowzero")
	return nil
}

func notHalfPixelSymmetric(_ *graphs.Graph, n *graphs.Node) error {
	if n.Attributes["coordinate_transformation_mode"] == "half_pixel_symmetric" {
		return errors.New("coordinates half_pixel_symmetric do not exist there")
	}
	return nil
}

func halfPixelsNo(_ *graphs.Graph, n *graphs.Node) error {
	n.Attributes["coordinate_transformation_mode"] = "output_half_pixel"
	return nil
}

func shortModes(_ *graphs.Graph, n *graphs.Node) error {
	return renameMode(n, map[string]string{"bilinear": "linear", "bicubic": "cubic"})
}

func longModes(_ *graphs.Graph, n *graphs.Node) error {
	if _, said := n.Attributes["mode"]; !said {
		return nil // the default means the same
	}
	return renameMode(n, map[string]string{"linear": "bilinear", "cubic": "bicubic"})
}

func renameMode(n *graphs.Node, names map[string]string) error {
	if mode, ok := n.Attributes["mode"].(string); ok && names[mode] != "" {
		n.Attributes["mode"] = names[mode]
	}
	return nil
}

// pass: dropout does nothing in inference.
func pass(_ *graphs.Graph, n *graphs.Node) error {
	n.Op, n.Attributes, n.Inputs, n.Outputs = "Identity", nil, n.Inputs[:1], n.Outputs[:1]
	return nil
}

func normalised(_ *graphs.Graph, n *graphs.Node) error {
	if len(n.Outputs) > 1 || n.Attributes.Int("spatial", 1) != 1 {
		return errors.New("it is in training mode")
	}
	delete(n.Attributes, "spatial")
	return nil
}

func axesAsInput(g *graphs.Graph, n *graphs.Node) error {
	if axes := n.Attributes.Ints("axes"); axes != nil {
		n.Inputs = append(n.Inputs, g.Ints(axes...))
		delete(n.Attributes, "axes")
	}
	return nil
}

func axesAsAttribute(_ *graphs.Graph, n *graphs.Node) error {
	if n.Attributes.Int("noop_with_empty_axes", 0) != 0 {
		return errors.New("attribute noop_with_empty_axes does not exist there")
	}
	delete(n.Attributes, "noop_with_empty_axes")
	if len(n.Inputs) > 1 && n.Inputs[1] != nil {
		axes, ok := n.Inputs[1].IntValues()
		if !ok {
			return errors.New("its axes are computed")
		}
		if len(axes) > 0 {
			n.Attributes = withInts(n.Attributes, "axes", axes)
		}
	}
	n.Inputs = n.Inputs[:1]
	return nil
}

func withInts(a graphs.Attributes, name string, values []int64) graphs.Attributes {
	if a == nil {
		a = graphs.Attributes{}
	}
	a[name] = values
	return a
}

func splitAsInput(g *graphs.Graph, n *graphs.Node) error {
	if sizes := n.Attributes.Ints("split"); sizes != nil {
		n.Inputs = append(n.Inputs, g.Ints(sizes...))
		delete(n.Attributes, "split")
	}
	return nil
}

// countParts: without sizes the number of parts has to be said.
func countParts(_ *graphs.Graph, n *graphs.Node) error {
	if len(n.Inputs) < 2 || n.Inputs[1] == nil {
		n.Attributes["num_outputs"] = int64(len(n.Outputs))
	}
	return nil
}

// sayParts: before, parts of unequal sizes had to be said.
func sayParts(g *graphs.Graph, n *graphs.Node) error {
	if _, said := n.Attributes["num_outputs"]; !said {
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

// wholeShape: before, Shape gave all dimensions.
func wholeShape(g *graphs.Graph, n *graphs.Node) error {
	_, starts := n.Attributes["start"]
	_, ends := n.Attributes["end"]
	if !starts && !ends {
		return nil
	}
	all := &graphs.Value{Type: graphs.Int64, Shape: []int64{int64(n.Inputs[0].Rank())}}
	g.Append(&graphs.Node{Op: "Shape", Inputs: n.Inputs, Version: 13}, all)
	start, end := n.Attributes.Int("start", 0), n.Attributes.Int("end", math.MaxInt64)
	n.Op, n.Attributes, n.Inputs = "Slice", nil, []*graphs.Value{all, g.Ints(start), g.Ints(end), g.Ints(0)}
	return nil
}

// lastAxis: before, all dimensions from the axis on were one, and the axis was 1
// if none was said.
func lastAxis(_ *graphs.Graph, n *graphs.Node) error {
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
