package importer

import (
	"bytes"
	"fmt"
	"slices"

	"fovea/graphs"
)

// passedOn is the input that a node hands on as it is: Identity's, that of a
// Transpose that changes nothing, and Dropout's in inference mode. It is nil for
// other nodes.
func passedOn(n *graphs.Node) (*graphs.Value, error) {
	perm := n.Attributes.Ints("perm")
	switch {
	case n.Op == "Identity", n.Op == "Transpose" && perm != nil && slices.IsSorted(perm):
		return n.Inputs[0], nil
	case n.Op != "Dropout":
		return nil, nil
	}
	ratio, _ := inputOf(n, 1).FloatValues()
	if training := inputOf(n, 2); training != nil && !isFalse(training) && !slices.Equal(ratio, []float32{0}) {
		return nil, fmt.Errorf("it is in training mode: %s", random)
	}
	return n.Inputs[0], nil
}

// inputOf is input i of a node, nil if it is absent.
func inputOf(n *graphs.Node, i int) *graphs.Value {
	if i >= len(n.Inputs) {
		return nil
	}
	return n.Inputs[i]
}

// keepAll gives Dropout's mask, the result that may follow the first, its value: true.
func (b *builder) keepAll(further []*graphs.Value) {
	for _, v := range further {
		if v != nil && v.Type == graphs.Bool {
			b.Values[v.Name] = b.Graph.Constant(v.Type, v.Shape, bytes.Repeat([]byte{1}, int(v.Len())))
		}
	}
}
