package autodiff

import (
	endian "encoding/binary"
	"errors"
	"slices"

	"fovea/graphs"
)

// byDefinition makes the rule of an operator from its definition, which returns the operator's outputs in terms of
// simpler operators. These are differentiated in its place.
func byDefinition(definition func(c *Call) []*value) Rule {
	return func(c *Call) []*value {
		from := len(c.Nodes)
		results := definition(c)
		if c.refusal != "" || c.Err() != nil {
			return nil
		}
		gradients := map[*value]*value{}
		for i, y := range c.node.Outputs {
			switch {
			case y == nil || c.Grad(i) == nil:
			case i >= len(results) || results[i] == nil:
				return c.refuse("the gradient of output %d is not supported", i)
			default:
				gradients[results[i]] = c.addOptional(gradients[results[i]], c.Grad(i))
			}
		}
		err := reverse(c.Graph, c.rules, slices.Clone(c.Nodes[from:]), gradients, c.node.Inputs)
		if inner := (*Unsupported)(nil); errors.As(err, &inner) {
			return c.refuse("in its definition %s: %s", inner.Node.Op, inner.Reason)
		}
		out := make([]*value, len(c.node.Inputs))
		for i, in := range c.node.Inputs {
			out[i] = gradients[in]
			delete(gradients, in) // an input that the node reads twice already has the gradient of both
		}
		return out
	}
}

// addOptional returns a + b, where a may be absent.
func (c *Call) addOptional(a, b *value) *value {
	if a == nil {
		return b
	}
	return c.Add(a, b)
}

// applyShaped adds a node with one result of the given shape and of its first input's type. It serves operators whose
// shapes package graphs does not infer.
func (c *Call) applyShaped(shape []int64, op string, a graphs.Attributes, inputs ...*value) *value {
	return c.Append(&graphs.Node{Op: op, Attributes: a, Inputs: inputs}, &value{Type: inputs[0].Type, Shape: shape})[0]
}

// less returns where a is less than b, as booleans of the given shape.
func (c *Call) less(a, b *value, shape []int64) *value {
	return c.Append(&graphs.Node{Op: "Less", Inputs: []*value{a, b}}, &value{Type: graphs.Bool, Shape: shape})[0]
}

// integers adds an int64 constant; no shape means a scalar.
func (c *Call) integers(list []int64, shape ...int64) *value {
	var data []byte
	for _, x := range list {
		data = endian.LittleEndian.AppendUint64(data, uint64(x))
	}
	return c.Constant(graphs.Int64, slices.Clone(shape), data)
}

// zeros returns a tensor of zeros.
func (c *Call) zeros(shape []int64) *value { return c.Expand(c.Scalar(0), nil, shape...) }
