package cost

import (
	"slices"

	"fovea/graphs"
)

// Memory is the memory of a graph's values in bytes.
type Memory struct {
	Sum     int64 // of all
	Peak    int64 // the most that must be there at once
	Largest int64 // of one value
	// AtPeak is the node that runs then; nil if the graph has none.
	AtPeak *graphs.Node
}

// Forward is the memory of one run of a graph without parameters. Nodes run in
// the graph's order, and a value is given up after its last reader; inputs and
// outputs stay. The result of a Reshape or an Identity is its input's memory.
// ONNX Runtime writes some results over an input that nobody reads any more, and
// rounds sizes up; neither is counted.
func Forward(g *graphs.Graph, parameter func(*graphs.Value) bool) Memory {
	return measure(g, g.Nodes, parameter)
}

// Run is Forward for the order in which ONNX Runtime runs the nodes.
func Run(g *graphs.Graph, parameter func(*graphs.Value) bool) Memory {
	return measure(g, Order(g), parameter)
}

func measure(g *graphs.Graph, nodes []*graphs.Node, parameter func(*graphs.Value) bool) Memory {
	own := func(v *graphs.Value) bool { // has memory of its own that is counted
		_, constant := v.Content()
		return v != nil && !constant && !parameter(v) && v.Stored() == v
	}
	last := map[*graphs.Value]int{} // reader of a value
	for i, n := range nodes {
		for _, v := range n.Inputs {
			last[v.Stored()] = i
		}
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		last[v.Stored()] = len(nodes)
	}
	var m Memory
	now := int64(0)
	add := func(v *graphs.Value) {
		if own(v) {
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
		done := map[*graphs.Value]bool{}
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if v = v.Stored(); own(v) && last[v] <= i && !done[v] {
				now -= v.Bytes()
				done[v] = true
			}
		}
	}
	return m
}

// Kept is the memory of the values of a forward graph, its nodes and inputs, that
// nodes read which were added to it: those that backward needs. Parameters and
// constants are not counted.
func Kept(g *graphs.Graph, forward []*graphs.Node, inputs []*graphs.Value, parameter func(*graphs.Value) bool) int64 {
	old := map[*graphs.Node]bool{}
	for _, n := range forward {
		old[n] = true
	}
	kept, sum := map[*graphs.Value]bool{}, int64(0)
	for _, n := range g.Nodes {
		if old[n] {
			continue
		}
		for _, v := range n.Inputs {
			v = v.Stored()
			if v == nil || kept[v] || parameter(v) || !old[v.Producer()] && !slices.Contains(inputs, v) {
				continue
			}
			kept[v] = true
			sum += v.Bytes()
		}
	}
	return sum
}
