package graphs

import (
	"slices"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// Imported starts a graph that takes over the nodes of a model. Names that the graph makes begin with prefix, which no
// name of the model may do. Model writes at least the given version of the format and of each domain's operators.
func Imported(name, prefix string, ir int64, opsets map[string]int64) *Graph {
	g := New(name)
	g.prefix, g.ir, g.opsets = prefix, ir, opsets
	return g
}

// Initializer adds a constant under its own name. Unlike other constants it is not merged with an equal one, so that it
// can have a gradient. The graph keeps data and does not copy it.
func (g *Graph) Initializer(name string, t pb.TensorProto_DataType, shape []int64, data []byte) *Value {
	if data == nil {
		data = []byte{}
	}
	v := &Value{Name: name, Type: t, Shape: slices.Clone(shape), data: data}
	g.claim(v)
	return v
}

// Append adds a node of any operator. The caller gives the names, types and shapes of its results. A result without a
// name gets one. A nil result is absent.
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

// Constant adds a constant of any type whose elements are whole bytes, in little-endian order. The graph keeps data and
// does not copy it.
func (g *Graph) Constant(t pb.TensorProto_DataType, shape []int64, data []byte) *Value {
	size, err := onnx.ElementSize(t)
	if err != nil {
		g.fail("constant of shape %s: %w", shapeString(shape), err)
	}
	return g.constant(Value{Type: t, Shape: shape, data: data}, int64(size))
}

// Content returns the little-endian elements of a constant. The caller must not change them.
func (v *Value) Content() (data []byte, ok bool) {
	if v == nil {
		return nil, false
	}
	return v.data, v.data != nil
}

// FreeName renames the value that has a name, unless that value is keep. An input or output can then take the name.
func (g *Graph) FreeName(name string, keep *Value) {
	if !g.names[name] || keep != nil && keep.Name == name {
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
