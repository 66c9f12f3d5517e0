package autodiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/graphs"
)

// A Rule gives the gradient of each input of a node, nil where there is none.
// A gradient may have the shape to which its input was broadcast.
type Rule func(c *Call) []*graphs.Value

// rules is the whole of reverse mode: operator → rule. Operators of other domains
// than the standard's have it in front, such as com.microsoft.Attention.
var rules = map[string]Rule{}

func register(family map[string]Rule) {
	for op, rule := range family {
		rules[op] = rule
	}
}

// Operators lists the operators that have a rule, sorted.
func Operators() []string { return slices.Sorted(maps.Keys(rules)) }

// HasRule tells whether an operator of a domain has a rule.
func HasRule(domain, op string) bool { return ruleOf(domain, op) != nil }

func ruleOf(domain, op string) Rule {
	if domain != "" {
		op = domain + "." + op
	}
	return rules[op]
}

// A Call is one application of a rule: the graph to append to, and the node.
type Call struct {
	*graphs.Graph
	node      *graphs.Node
	gradients map[*graphs.Value]*graphs.Value
	refusal   string
}

func (c *Call) apply() []*graphs.Value {
	rule := ruleOf(c.node.Domain, c.node.Op)
	if rule == nil && strings.HasPrefix(c.node.Domain, graphs.Microsoft) {
		return c.refuse("no rule for this operator of ONNX Runtime's own: if its optimiser wrote the model, use the one that it was made of")
	}
	if rule == nil {
		return c.refuse("no rule for this operator")
	}
	return rule(c)
}

// refuse ends a rule that cannot tell the gradient.
func (c *Call) refuse(format string, args ...any) []*graphs.Value {
	c.refusal = fmt.Sprintf(format, args...)
	return nil
}

// In is input i of the node, nil if it is absent.
func (c *Call) In(i int) *graphs.Value {
	if i >= len(c.node.Inputs) {
		return nil
	}
	return c.node.Inputs[i]
}

// Out is output i of the node.
func (c *Call) Out(i int) *graphs.Value { return c.node.Outputs[i] }

// Grad is the gradient of output i, nil if the result does not depend on it.
func (c *Call) Grad(i int) *graphs.Value { return c.gradients[c.node.Outputs[i]] }

// Int is an integer attribute of the node.
func (c *Call) Int(name string, otherwise int64) int64 {
	return c.node.Attributes.Int(name, otherwise)
}

// Axis is the node's attribute axis, counted from the front.
func (c *Call) Axis(otherwise int64) int64 {
	a := c.Int("axis", otherwise)
	if a < 0 {
		a += int64(c.In(0).Rank())
	}
	return a
}
