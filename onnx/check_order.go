package onnx

import (
	"fmt"
	"strings"

	"fovea/onnx/pb"
)

// undefined returns the error of a node that uses a value as input number input, where the value is not made before. It
// tells whether nobody makes the value, or a later node, or a cycle. nodes are the user of the value and all nodes after
// it.
func undefined(nodes []*pb.NodeProto, input int, value string) error {
	makers := map[string]int{}
	for i, n := range nodes {
		for _, out := range n.GetOutput() {
			if out != "" {
				makers[out] = i
			}
		}
	}
	late, ok := makers[value]
	if !ok {
		return fmt.Errorf("input %d, %q, is made by no node, input or initializer", input, value)
	}
	if path, ok := findPath(nodes, makers, late); ok {
		return fmt.Errorf("input %d, %q, depends on the node's own output: a cycle through %s",
			input, value, strings.Join(append(path, value), " → "))
	}
	return fmt.Errorf("input %d, %q, is made later, by %s: sort the nodes topologically",
		input, value, NodeLabel(late, nodes[late]))
}

// findPath returns the values on a way from nodes[0] to an input of nodes[last]. It walks from user to maker with a
// stack of its own, because a hostile chain may be as long as the file.
func findPath(nodes []*pb.NodeProto, makers map[string]int, last int) (path []string, ok bool) {
	usedBy := map[int]int{last: last} // node → the node on the way that uses it
	via := map[int]string{}           // node → its output that is used
	for stack := []int{last}; len(stack) > 0; {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at == 0 {
			for n := 0; n != last; n = usedBy[n] {
				path = append(path, via[n])
			}
			return path, true
		}
		for _, in := range nodes[at].GetInput() {
			maker, made := makers[in]
			if _, visited := usedBy[maker]; made && !visited {
				usedBy[maker], via[maker] = at, in
				stack = append(stack, maker)
			}
		}
	}
	return nil, false
}
