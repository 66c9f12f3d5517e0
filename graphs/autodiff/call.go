package autodiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/graphs"
)

// A Rule returns the gradient of each input of a node, nil where there is none. A gradient may have the shape to which
// its input was broadcast.
type Rule func(c *Call) []*graphs.Value

type value = graphs.Value // the rules name it often

// Operators lists the operators that have a rule, sorted.
func Operators() []string { return slices.Sorted(maps.Keys(rules)) }

// HasRule reports whether an operator of a domain has a rule.
func HasRule(domain, op string) bool { return rules[key(domain, op)] != nil }

// key returns the name of an operator in the table of rules.
func key(domain, op string) string {
	if domain == "" {
		return op
	}
	return domain + "." + op
}

// A Call applies a rule to a node and appends what the rule computes to the graph.
type Call struct {
	*graphs.Graph
	node      *graphs.Node
	outputs   []*value // as the rule reads them, see readable
	gradients map[*value]*value
	rules     map[string]Rule // handed down: a table whose rules looked into it would refer to itself
	refusal   string
}

func (c *Call) apply() []*value {
	if rule := c.rules[key(c.node.Domain, c.node.Op)]; rule != nil {
		return rule(c)
	}
	if strings.HasPrefix(c.node.Domain, graphs.Microsoft) {
		return c.refuse("no rule for this operator of ONNX Runtime's own: " +
			"if its optimiser wrote the model, use the one that it was made of")
	}
	return c.refuse("no rule for this operator")
}

// refuse ends a rule that cannot give the gradient. It returns nil and keeps the reason.
func (c *Call) refuse(format string, args ...any) []*value {
	c.refusal = fmt.Sprintf(format, args...)
	return nil
}

// In returns input i of the node, nil if it is absent.
func (c *Call) In(i int) *graphs.Value { return c.node.Input(i) }

// Out returns output i of the node.
func (c *Call) Out(i int) *graphs.Value { return c.outputs[i] }

// Grad returns the gradient of output i, nil if the result does not depend on it.
func (c *Call) Grad(i int) *graphs.Value { return c.gradients[c.node.Outputs[i]] }

// Int returns an integer attribute of the node, or otherwise if the node has none of that name.
func (c *Call) Int(name string, otherwise int64) int64 { return c.node.Attributes.Int(name, otherwise) }

// Float returns a float attribute of the node, or otherwise if the node has none of that name.
func (c *Call) Float(name string, otherwise float64) float64 {
	return float64(c.node.Attributes.Float(name, float32(otherwise)))
}

// Axis returns the node's attribute axis, counted from the front.
func (c *Call) Axis(otherwise int64) int64 { return c.fromFront(c.Int("axis", otherwise)) }

// fromFront counts an axis of the node's first input from the front.
func (c *Call) fromFront(axis int64) int64 {
	if axis < 0 {
		axis += int64(c.In(0).Rank())
	}
	return axis
}
