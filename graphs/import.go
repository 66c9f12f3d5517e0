package graphs

import (
	"slices"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// What a graph takes over from a model: names, versions, weights and nodes of
// operators that need not be known here.

// Imported starts a graph for the parts of a model: names made later begin with
// prefix, which no name of the model may do, and Model writes at least these
// versions of the format and of each domain's operators.
func Imported(name, prefix string, ir int64, opsets map[string]int64) *Graph {
	g := New(name)
	g.prefix, g.ir, g.opsets = prefix, ir, opsets
	return g
}

// Initializer adds a constant under its own name. Unlike other constants it is
// not merged with an equal one, so that it can have a gradient. data is kept,
// not copied.
func (g *Graph) Initializer(name string, t pb.TensorProto_DataType, shape []int64, data []byte) *Value {
	if data == nil {
		data = []byte{}
	}
	v := &Value{Name: name, Type: t, Shape: slices.Clone(shape), data: data}
	g.claim(v)
	return v
}

// Append adds a node of any operator. Names, types and shapes of its results are
// given, not inferred; a result without a name gets one, a nil one is absent.
func (g *Graph) Append(n *Node, results ...*Value) []*Value {
	n.Outputs = nil
	for _, v := range results {
		if v != nil {
			v.node = n
			if v.Name == "" {
				v.Name = g.fresh(n.Op)
			} else {
				g.claim(v)
			}
		}
		n.Outputs = append(n.Outputs, v)
	}
	g.Nodes = append(g.Nodes, n)
	return results
}

func (g *Graph) claim(v *Value) {
	if g.names[v.Name] {
		g.fail("%s: the name is taken", v)
	}
	g.names[v.Name] = true
}

// Constant adds a constant of any type whose elements are whole bytes, given in
// little-endian order. data is kept, not copied.
func (g *Graph) Constant(t pb.TensorProto_DataType, shape []int64, data []byte) *Value {
	size, err := onnx.ElementSize(t)
	if err != nil {
		g.fail("constant of shape %s: %w", shapeString(shape), err)
	}
	return g.constant(Value{Type: t, Shape: shape, data: data}, int64(size))
}

// Content is the little-endian elements of a constant, which must not be changed.
func (v *Value) Content() (data []byte, ok bool) {
	if v == nil {
		return nil, false
	}
	return v.data, v.data != nil
}

// FreeName gives the value that has a name, unless that is but, another one: for
// an input or output that has to have it.
func (g *Graph) FreeName(name string, but *Value) {
	if !g.names[name] || but != nil && but.Name == name {
		return
	}
	for _, n := range g.Nodes {
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if v != nil && v.Name == name {
				g.rename(v, g.fresh(name))
			}
		}
	}
}
