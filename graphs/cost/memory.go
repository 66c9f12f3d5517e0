package cost

import (
	"slices"

	"fovea/graphs"
)

// Memory holds the memory of a graph's values in bytes.
type Memory struct {
	Sum     int64 // of all values
	Peak    int64 // largest sum of the values that are needed at once
	Largest int64 // of one value
	// AtPeak is the node that runs at the peak, or nil if the graph has no nodes.
	AtPeak *graphs.Node
}

// Forward measures one run of a graph without its parameters. Nodes run in the graph's order, and a value is freed
// after its last reader. Inputs and outputs stay. The result of a Reshape or an Identity shares its input's memory.
// ONNX Runtime writes some results over an input that nothing reads any more, and rounds sizes up. Forward counts
// neither.
func Forward(g *graphs.Graph, parameter func(*graphs.Value) bool) Memory {
	return measure(g, g.Nodes, parameter)
}

// Run measures a graph as Forward does, in the order in which ONNX Runtime runs the nodes.
func Run(g *graphs.Graph, parameter func(*graphs.Value) bool) Memory {
	return measure(g, Order(g), parameter)
}

func measure(g *graphs.Graph, nodes []*graphs.Node, parameter func(*graphs.Value) bool) Memory {
	counts := func(v *graphs.Value) bool { // not if v shares the memory of another value
		_, constant := v.Content()
		return v != nil && !constant && !parameter(v) && v.Stored() == v
	}
	lastReader := map[*graphs.Value]int{}
	for i, n := range nodes {
		for _, v := range n.Inputs {
			lastReader[v.Stored()] = i
		}
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		lastReader[v.Stored()] = len(nodes)
	}
	var m Memory
	now := int64(0)
	add := func(v *graphs.Value) {
		if counts(v) {
			m.Sum += v.Bytes()
			m.Largest = max(m.Largest, v.Bytes())
			now += v.Bytes()
		}
	}
	for _, v := range g.Inputs {
		add(v)
	}
	m.Peak = now
	for i, n := range nodes {
		for _, v := range n.Outputs {
			add(v)
		}
		if now > m.Peak || m.AtPeak == nil {
			m.Peak, m.AtPeak = now, n
		}
		freed := map[*graphs.Value]bool{}
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if v = v.Stored(); counts(v) && lastReader[v] <= i && !freed[v] {
				now -= v.Bytes()
				freed[v] = true
			}
		}
	}
	return m
}

// Kept returns the bytes that backward keeps of a forward graph: of its results and inputs that nodes read which were
// added to it. It leaves out parameters and constants.
func Kept(g *graphs.Graph, forward []*graphs.Node, inputs []*graphs.Value, parameter func(*graphs.Value) bool) int64 {
	isForward := map[*graphs.Node]bool{}
	for _, n := range forward {
		isForward[n] = true
	}
	kept, sum := map[*graphs.Value]bool{}, int64(0)
	for _, n := range g.Nodes {
		if isForward[n] {
			continue
		}
		for _, v := range n.Inputs {
			v = v.Stored()
			if v == nil || kept[v] || parameter(v) || !isForward[v.Producer()] && !slices.Contains(inputs, v) {
				continue
			}
			kept[v] = true
			sum += v.Bytes()
		}
	}
	return sum
}
