package autodiff

import (
	"slices"
	"strings"
	"unicode"

	"fovea/graphs"
)

func init() { register(map[string]Rule{"Einsum": einsum}) }

// einsum: the gradient of an operand is the product of the output's and the
// other operands, summed to the operand's subscripts. Subscripts that only the
// operand has were summed: its gradient is repeated along them. A subscript that
// it has twice walks a diagonal, which a unit matrix picks.
func einsum(c *Call) []*graphs.Value {
	terms, result, ok := c.subscripts()
	if !ok {
		return c.refuse("equation %v is not supported", c.node.Attributes["equation"])
	}
	out := make([]*graphs.Value, len(terms))
	for k, x := range c.node.Inputs {
		lists, operands := []string{result}, []*graphs.Value{c.Grad(0)}
		for i, other := range c.node.Inputs {
			if i != k {
				lists, operands = append(lists, terms[i]), append(operands, other)
			}
		}
		known, target, shape := strings.Join(lists, ""), "", []int64{}
		whole := slices.Clone(x.Shape) // with 1 along what is repeated
		for axis, label := range terms[k] {
			switch {
			case strings.ContainsRune(terms[k][:axis], label):
				copied := 'A' + rune(axis) // labels of equations are lower case here
				lists, operands = append(lists, string([]rune{label, copied})), append(operands, c.units(x.Shape[axis]))
				label = copied
			case !strings.ContainsRune(known, label) && strings.Count(terms[k], string(label)) > 1:
				return c.refuse("the sum over a diagonal is not supported")
			case !strings.ContainsRune(known, label):
				whole[axis] = 1
				continue
			}
			target += string(label)
			shape = append(shape, x.Shape[axis])
		}
		equation := strings.Join(lists, ",") + "->" + target
		dx := c.shaped(shape, "Einsum", graphs.Attributes{"equation": equation}, operands...)
		out[k] = c.Expand(c.Reshape(dx, whole...), nil, x.Shape...)
	}
	return out
}

// subscripts are those of the node's operands and of its result, with lower-case
// letters for all, those in place of an ellipsis too.
func (c *Call) subscripts() (terms []string, result string, ok bool) {
	equation, _ := c.node.Attributes["equation"].(string)
	equation, ok = lowerCase(equation)
	left, result, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	terms = strings.Split(left, ",")
	if !ok || len(terms) != len(c.node.Inputs) {
		return nil, "", false
	}
	free := ""
	for label := 'a'; label <= 'z'; label++ {
		if !strings.ContainsRune(equation, label) {
			free += string(label)
		}
	}
	ellipsis := ""
	for i, x := range c.node.Inputs {
		if n := x.Rank() - len(strings.Replace(terms[i], "...", "", 1)); strings.Contains(terms[i], "...") {
			if n < 0 || n > len(free) {
				return nil, "", false
			}
			some := free[len(free)-n:]
			terms[i] = strings.Replace(terms[i], "...", some, 1)
			if n > len(ellipsis) {
				ellipsis = some
			}
		}
		if len(terms[i]) != x.Rank() {
			return nil, "", false
		}
	}
	if !explicit { // the labels that are there once, sorted
		result = "..."
		for label := 'a'; label <= 'z'; label++ {
			if strings.Count(left, string(label)) == 1 {
				result += string(label)
			}
		}
	}
	result = strings.Replace(result, "...", ellipsis, 1)
	sizes := map[rune]int64{}
	for i, x := range c.node.Inputs {
		for axis, label := range terms[i] {
			if size, known := sizes[label]; known && size != x.Shape[axis] {
				return nil, "", false // repeated from size 1
			}
			sizes[label] = x.Shape[axis]
		}
	}
	return terms, result, true
}

// lowerCase renames the labels of an equation, if there are no more than 26, to
// a, b, c and so on, in their order.
func lowerCase(equation string) (renamed string, ok bool) {
	var labels []rune
	for _, r := range equation {
		if unicode.IsLetter(r) && !slices.Contains(labels, r) {
			labels = append(labels, r)
		}
	}
	slices.Sort(labels)
	return strings.Map(func(r rune) rune {
		if i := slices.Index(labels, r); i >= 0 {
			return 'a' + rune(i)
		}
		return r
	}, equation), len(labels) <= 26
}
