package graphs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String is a readable dump: a line for each input, node and output.
func (g *Graph) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "graph %s\n", g.Name)
	for _, v := range g.Inputs {
		fmt.Fprintf(&b, "  input  %s\n", v)
	}
	for _, n := range g.Nodes {
		outputs := make([]string, len(n.Outputs))
		for i, v := range n.Outputs {
			outputs[i] = v.String()
		}
		inputs := make([]string, len(n.Inputs))
		for i, v := range n.Inputs {
			inputs[i] = v.operand()
		}
		fmt.Fprintf(&b, "  %s = %s(%s)", strings.Join(outputs, ", "), n.Op, strings.Join(inputs, ", "))
		for i, name := range slices.Sorted(maps.Keys(n.Attributes)) {
			separator := ", "
			if i == 0 {
				separator = " "
			}
			fmt.Fprintf(&b, "%s%s=%v", separator, name, n.Attributes[name])
		}
		b.WriteByte('\n')
	}
	for _, v := range g.Outputs {
		fmt.Fprintf(&b, "  output %s\n", v)
	}
	return b.String()
}

// operand is how a value reads as an argument: its name, or its content if it
// is a short constant.
func (v *Value) operand() string {
	if v == nil {
		return "-"
	}
	if ints, ok := v.IntValues(); ok && len(ints) <= 8 {
		return fmt.Sprint(ints)
	}
	if floats, ok := v.FloatValues(); ok && len(floats) == 1 {
		return fmt.Sprint(floats[0])
	}
	return v.Name
}

// DOT is the graph in Graphviz's language: boxes are nodes, edges carry shapes.
func (g *Graph) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  node [shape=box, fontname=Helvetica]\n", g.Name)
	ids := map[*Node]int{}
	for i, n := range g.Nodes {
		ids[n] = i
		fmt.Fprintf(&b, "  n%d [label=%q]\n", i, n.Op)
	}
	for i, v := range g.Inputs {
		fmt.Fprintf(&b, "  i%d [label=%q, shape=ellipse]\n", i, v.Name)
	}
	for i, n := range g.Nodes {
		for _, v := range n.Inputs {
			switch {
			case v == nil || v.data != nil:
			case v.node != nil:
				fmt.Fprintf(&b, "  n%d -> n%d [label=%q]\n", ids[v.node], i, shapeString(v.Shape))
			default:
				fmt.Fprintf(&b, "  i%d -> n%d [label=%q]\n", slices.Index(g.Inputs, v), i, shapeString(v.Shape))
			}
		}
	}
	for i, v := range g.Outputs {
		fmt.Fprintf(&b, "  o%d [label=%q, shape=ellipse]\n", i, v.Name)
		if v.node != nil {
			fmt.Fprintf(&b, "  n%d -> o%d [label=%q]\n", ids[v.node], i, shapeString(v.Shape))
		}
	}
	b.WriteString("}\n")
	return b.String()
}
