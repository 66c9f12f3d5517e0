package graphs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String returns a readable dump with a line for each input, node and output.
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

// operand returns the text of a value as an argument: the elements of a short constant, or else its name.
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
