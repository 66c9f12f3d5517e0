package onnx

import (
	"fmt"
	"strings"

	"fovea/onnx/pb"
)

// An undefinedError means that a node uses a value that is not made before it.
type undefinedError struct {
	input int
	value string
}

func (e *undefinedError) Error() string {
	return fmt.Sprintf("input %d, %q, is made by no node, input or initializer", e.input, e.value)
}

// explain returns an error that tells whether nobody makes the value, or a later node, or a cycle. nodes are the user
// of the value and all nodes after it.
func (e *undefinedError) explain(nodes []*pb.NodeProto) error {
	makers := map[string]int{}
	for i, n := range nodes {
		for _, out := range n.GetOutput() {
			if out != "" {
				makers[out] = i
			}
		}
	}
	late, ok := makers[e.value]
	if !ok {
		return e
	}
	if path, ok := findPath(nodes, makers, late); ok {
		return fmt.Errorf("input %d, %q, depends on the node's own output: a cycle through %s",
			e.input, e.value, strings.Join(append(path, e.value), " → "))
	}
	return fmt.Errorf("input %d, %q, is made later, by %s: sort the nodes topologically",
		e.input, e.value, NodeLabel(late, nodes[late]))
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
