package cost

import (
	"slices"

	"fovea/graphs"
	"fovea/onnx"
)

// Memory is the memory of a graph's values in bytes.
type Memory struct {
	Sum  int64 // of all
	Peak int64 // the most that must be there at once
	// AtPeak is the node that runs then; nil if the graph has none.
	AtPeak *graphs.Node
}

// Forward is the memory of one run of a graph without parameters. Nodes run in
// the graph's order, and a value is given up after its last reader; inputs and
// outputs stay. The result of a Reshape or an Identity is its input's memory.
// ONNX Runtime writes some results over an input that nobody reads any more, and
// rounds sizes up; neither is counted.
func Forward(g *graphs.Graph, parameter func(*graphs.Value) bool) Memory {
	own := func(v *graphs.Value) bool { // has memory of its own that is counted
		_, constant := v.Content()
		return v != nil && !constant && !parameter(v) && memoryOf(v) == v
	}
	last := map[*graphs.Value]int{} // reader of a value
	for i, n := range g.Nodes {
		for _, v := range n.Inputs {
			last[memoryOf(v)] = i
		}
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		last[memoryOf(v)] = len(g.Nodes)
	}
	var m Memory
	now := int64(0)
	add := func(v *graphs.Value) {
		if own(v) {
			m.Sum += bytesOf(v)
			now += bytesOf(v)
		}
	}
	for _, v := range g.Inputs {
		add(v)
	}
	m.Peak = now
	for i, n := range g.Nodes {
		for _, v := range n.Outputs {
			add(v)
		}
		if now > m.Peak || m.AtPeak == nil {
			m.Peak, m.AtPeak = now, n
		}
		done := map[*graphs.Value]bool{}
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if v = memoryOf(v); own(v) && last[v] <= i && !done[v] {
				now -= bytesOf(v)
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
			v = memoryOf(v)
			if v == nil || kept[v] || parameter(v) || !old[v.Producer()] && !slices.Contains(inputs, v) {
				continue
			}
			kept[v] = true
			sum += bytesOf(v)
		}
	}
	return sum
}

// memoryOf is the value whose memory v has.
func memoryOf(v *graphs.Value) *graphs.Value {
	for v != nil && v.Producer() != nil && v.Producer().Domain == "" &&
		(v.Producer().Op == "Reshape" || v.Producer().Op == "Identity") {
		v = v.Producer().Inputs[0]
	}
	return v
}

func bytesOf(v *graphs.Value) int64 {
	n, err := onnx.DataSize(v.Type, v.Shape)
	if err != nil {
		return 0 // of strings, and of what is no tensor
	}
	return n
}
