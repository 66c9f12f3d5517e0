package graphs

import (
	"math/rand/v2"
	"slices"
)

// live marks the nodes that an output depends on.
func (g *Graph) live() map[*Node]bool {
	live := map[*Node]bool{}
	var visit func(v *Value)
	visit = func(v *Value) {
		if v == nil || v.node == nil || live[v.node] {
			return
		}
		live[v.node] = true
		for _, in := range v.node.Inputs {
			visit(in)
		}
	}
	for _, v := range g.Outputs {
		visit(v)
	}
	return live
}

// RemoveDead drops every node that no output depends on.
func (g *Graph) RemoveDead() {
	live := g.live()
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return !live[n] })
}

// RemoveUnusedInputs drops the inputs that no node reads, but for those in keep.
func (g *Graph) RemoveUnusedInputs(keep ...*Value) {
	used := map[*Value]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			used[v] = true
		}
	}
	g.Inputs = slices.DeleteFunc(g.Inputs, func(v *Value) bool { return !used[v] && !slices.Contains(keep, v) })
}

// Signal adds a node behind all others that takes inputs and does nothing to them, of an operator that the runtime is
// told about. Its result, a scalar that says nothing, becomes the output of that name.
func (g *Graph) Signal(domain, op, name string, index int, inputs ...*Value) {
	node := &Node{Op: op, Domain: domain, Inputs: slices.Clone(inputs), Attributes: Attributes{"index": int64(index)}}
	v := &Value{Name: g.fresh(op), Type: Float32, node: node}
	node.Outputs = []*Value{v}
	g.Nodes = append(g.Nodes, node)
	g.Output(name, v)
}

// Last moves the nodes that serve only one of the given outputs behind all others, grouped by output in the given
// order. Training graphs order their weight gradients so. ONNX Runtime starts from the last node of the file and goes
// back, so each weight gradient runs as soon as its inputs are there, and their memory becomes free.
func (g *Graph) Last(outputs ...*Value) {
	const shared = -1
	owner := map[*Node]int{} // index of the only output that a node serves, or shared
	claim := func(v *Value, by int) {
		if v == nil || v.node == nil {
			return
		}
		if known, ok := owner[v.node]; ok && known != by {
			by = shared
		}
		owner[v.node] = by
	}
	for _, v := range g.Outputs {
		claim(v, shared)
	}
	for i, v := range outputs {
		if v.node != nil {
			owner[v.node] = i
		}
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		by, ok := owner[n]
		if !ok {
			by = shared
		}
		for _, in := range n.Inputs {
			claim(in, by)
		}
	}
	var first []*Node
	last := make([][]*Node, len(outputs))
	for _, n := range g.Nodes {
		if by, ok := owner[n]; ok && by != shared {
			last[by] = append(last[by], n)
		} else {
			first = append(first, n)
		}
	}
	g.Nodes = first
	for _, nodes := range last {
		g.Nodes = append(g.Nodes, nodes...)
	}
}

// Shuffle puts the nodes in a random order in which they can run. Measurements use it to find out what an order is
// worth.
func (g *Graph) Shuffle(rng *rand.Rand) {
	waiting := map[*Node]int{}
	users := map[*Node][]*Node{}
	var ready []*Node
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.node != nil {
				waiting[n]++
				users[v.node] = append(users[v.node], n)
			}
		}
		if waiting[n] == 0 {
			ready = append(ready, n)
		}
	}
	g.Nodes = g.Nodes[:0]
	for len(ready) > 0 {
		i := rng.IntN(len(ready))
		n := ready[i]
		ready[i] = ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		g.Nodes = append(g.Nodes, n)
		for _, u := range users[n] {
			if waiting[u]--; waiting[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
}
