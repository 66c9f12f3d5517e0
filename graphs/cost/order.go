package cost

import (
	"cmp"
	"slices"

	"fovea/graphs"
)

// Order lists a graph's nodes as ONNX Runtime runs them (GraphViewer, the default order). It starts from the last node
// in the file whose results no other reads. Each node runs after the nodes that it needs, and of these the last in the
// file comes first.
func Order(g *graphs.Graph) []*graphs.Node {
	index := make(map[*graphs.Node]int, len(g.Nodes))
	read := make(map[*graphs.Node]bool, len(g.Nodes))
	for i, n := range g.Nodes {
		index[n] = i
		for _, v := range n.Inputs {
			if p := v.Producer(); p != nil {
				read[p] = true
			}
		}
	}
	type entry struct {
		node *graphs.Node
		done bool // all nodes that it needs are listed
	}
	var stack []entry
	for _, n := range g.Nodes {
		if !read[n] {
			stack = append(stack, entry{node: n})
		}
	}
	visited := make(map[*graphs.Node]bool, len(g.Nodes))
	out := make([]*graphs.Node, 0, len(g.Nodes))
	var inputs []*graphs.Node
	for len(stack) > 0 {
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if e.done {
			out = append(out, e.node)
			continue
		}
		if visited[e.node] {
			continue
		}
		visited[e.node] = true
		stack = append(stack, entry{e.node, true})
		inputs = inputs[:0]
		for _, v := range e.node.Inputs {
			if p := v.Producer(); p != nil && !visited[p] {
				inputs = append(inputs, p)
			}
		}
		slices.SortFunc(inputs, func(a, b *graphs.Node) int { return cmp.Compare(index[a], index[b]) })
		for _, n := range inputs {
			stack = append(stack, entry{node: n})
		}
	}
	return out
}
