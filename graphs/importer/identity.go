package importer

import (
	"bytes"
	"fmt"
	"slices"

	"fovea/graphs"
)

// unchangedInput returns the input that a node passes on unchanged: that of Identity, of a Transpose that moves
// nothing, and of Dropout in inference mode. It returns nil for other nodes.
func unchangedInput(n *graphs.Node) (*graphs.Value, error) {
	perm := n.Attributes.Ints("perm")
	switch {
	case n.Op == "Identity", n.Op == "Transpose" && perm != nil && slices.IsSorted(perm):
		return n.Inputs[0], nil
	case n.Op != "Dropout":
		return nil, nil
	}
	ratio, _ := n.Input(1).FloatValues()
	if training := n.Input(2); training != nil && !isFalse(training) && !slices.Equal(ratio, []float32{0}) {
		return nil, fmt.Errorf("it is in training mode: %s", random)
	}
	return n.Inputs[0], nil
}

// fillMask gives Dropout's mask, the result that may follow the first, the value true.
func (b *builder) fillMask(further []*graphs.Value) {
	for _, v := range further {
		if v != nil && v.Type == graphs.Bool {
			b.Values[v.Name] = b.Graph.Constant(v.Type, v.Shape, bytes.Repeat([]byte{1}, int(v.Len())))
		}
	}
}
