package autodiff

import (
	"errors"

	"fovea/graphs"
)

// defined makes the rule of an operator from its definition: by gives its
// outputs in terms of simpler operators, which are differentiated.
func defined(by func(c *Call) []*graphs.Value) Rule {
	return func(c *Call) []*graphs.Value {
		from := len(c.Nodes)
		results := by(c)
		if c.refusal != "" || c.Err() != nil {
			return nil
		}
		gradients := map[*graphs.Value]*graphs.Value{}
		for i, y := range c.node.Outputs {
			switch {
			case y == nil || c.Grad(i) == nil:
			case i >= len(results) || results[i] == nil:
				return c.refuse("the gradient of output %d is not supported", i)
			default:
				gradients[results[i]] = c.sum(gradients[results[i]], c.Grad(i))
			}
		}
		err := reverse(c.Graph, append([]*graphs.Node{}, c.Nodes[from:]...), gradients, c.node.Inputs)
		if inner := (*Unsupported)(nil); errors.As(err, &inner) {
			return c.refuse("in its definition %s: %s", inner.Node.Op, inner.Reason)
		}
		out := make([]*graphs.Value, len(c.node.Inputs))
		for i, in := range c.node.Inputs {
			out[i] = gradients[in]
			delete(gradients, in) // an input that is there twice has the gradient of both
		}
		return out
	}
}

// sum is a + b, where a may be absent.
func (c *Call) sum(a, b *graphs.Value) *graphs.Value {
	if a == nil {
		return b
	}
	return c.Add(a, b)
}

// shaped adds a node with one result of known shape, of the type of its first
// input.
func (c *Call) shaped(shape []int64, op string, a graphs.Attributes, inputs ...*graphs.Value) *graphs.Value {
	return c.Append(&graphs.Node{Op: op, Attributes: a, Inputs: inputs},
		&graphs.Value{Type: inputs[0].Type, Shape: shape})[0]
}

// zeros is a tensor of zeros.
func (c *Call) zeros(shape []int64) *graphs.Value { return c.Expand(c.Scalar(0), nil, shape...) }
