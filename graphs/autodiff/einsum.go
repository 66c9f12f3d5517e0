package autodiff

import (
	"slices"
	"strings"
	"unicode"

	"fovea/graphs"
)

// einsum: the gradient of an operand is the product of the output's and the other operands, summed to the operand's
// subscripts.
func einsum(c *Call) []*value {
	terms, result, ok := c.subscripts()
	if !ok {
		return c.refuse("equation %v is not supported", c.node.Attributes["equation"])
	}
	out := make([]*value, len(terms))
	for k := range terms {
		if out[k] = c.einsumOperand(terms, result, k); out[k] == nil {
			return c.refuse("the sum over a diagonal is not supported")
		}
	}
	return out
}

// einsumOperand returns the gradient of operand k, nil if it is a sum over a diagonal. A subscript that only the
// operand has was summed: its gradient is repeated along it. A subscript that it has twice walks a diagonal, which a
// unit matrix picks.
func (c *Call) einsumOperand(terms []string, result string, k int) *value {
	x, term := c.node.Inputs[k], terms[k]
	lists := slices.Insert(slices.Delete(slices.Clone(terms), k, k+1), 0, result)
	operands := slices.Insert(slices.Delete(slices.Clone(c.node.Inputs), k, k+1), 0, c.Grad(0))
	known, target, shape := strings.Join(lists, ""), "", []int64{}
	whole := slices.Clone(x.Shape) // with 1 along what is repeated
	for axis, label := range term {
		switch {
		case strings.ContainsRune(term[:axis], label):
			copied := 'A' + rune(axis) // labels of equations are lower case here
			lists, operands = append(lists, string([]rune{label, copied})), append(operands, c.identity(x.Shape[axis]))
			label = copied
		case !strings.ContainsRune(known, label) && strings.Count(term, string(label)) > 1:
			return nil
		case !strings.ContainsRune(known, label):
			whole[axis] = 1
			continue
		}
		target += string(label)
		shape = append(shape, x.Shape[axis])
	}
	equation := strings.Join(lists, ",") + "->" + target
	dx := c.applyShaped(shape, "Einsum", graphs.Attributes{"equation": equation}, operands...)
	return c.Expand(c.Reshape(dx, whole...), nil, x.Shape...)
}

// subscripts returns those of the node's operands and of its result. All labels are lower-case letters, those in the
// place of an ellipsis too. It is not ok if there are too many, or if an axis is repeated from size 1.
func (c *Call) subscripts() (terms []string, result string, ok bool) {
	equation, _ := c.node.Attributes["equation"].(string)
	equation, ok = lowerCase(equation)
	left, result, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	terms = strings.Split(left, ",")
	if !ok || len(terms) != len(c.node.Inputs) {
		return nil, "", false
	}
	ellipsis, ok := c.expandEllipses(terms, equation)
	if !ok {
		return nil, "", false
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
				return nil, "", false
			}
			sizes[label] = x.Shape[axis]
		}
	}
	return terms, result, true
}

// expandEllipses writes labels that the equation does not use in the place of the ellipses of terms. It returns the
// labels of the longest, and whether each term then has a label an axis.
func (c *Call) expandEllipses(terms []string, equation string) (ellipsis string, ok bool) {
	unused := ""
	for label := 'a'; label <= 'z'; label++ {
		if !strings.ContainsRune(equation, label) {
			unused += string(label)
		}
	}
	for i, x := range c.node.Inputs {
		if n := x.Rank() - len(strings.Replace(terms[i], "...", "", 1)); strings.Contains(terms[i], "...") {
			if n < 0 || n > len(unused) {
				return "", false
			}
			labels := unused[len(unused)-n:]
			terms[i] = strings.Replace(terms[i], "...", labels, 1)
			if n > len(ellipsis) {
				ellipsis = labels
			}
		}
		if len(terms[i]) != x.Rank() {
			return "", false
		}
	}
	return ellipsis, true
}

// lowerCase renames the labels of an equation to a, b, c and so on, in their order. It is not ok if there are more than
// 26 labels.
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
