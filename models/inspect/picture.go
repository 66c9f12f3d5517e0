package inspect

import (
	"slices"

	"fovea/graphs/picture"
)

// Picture draws a model's nodes, those of a scope as one box: see picture.New. What
// works on shapes and constants alone is left out.
func (r *Report) Picture(depth int) *picture.Picture {
	g := picture.Graph{Name: r.Path}
	forms, dynamic := map[string]string{}, map[string]bool{}
	for _, v := range r.Model.Inputs {
		dynamic[v.Name] = true
		g.Inputs = append(g.Inputs, v.Name)
		forms[v.Name] = v.form()
	}
	for _, v := range r.Model.Outputs {
		g.Outputs = append(g.Outputs, v.Name)
		forms[v.Name] = v.form()
	}
	if m := r.Model.Measured; m != nil {
		for _, v := range m.Inputs {
			forms[v.Name] = v.form()
		}
	}
	for _, n := range r.Model.List {
		inner := n.Op == "Loop" || n.Op == "If" || n.Op == "Scan" // may read values that are not among its inputs
		if n.Op == "Shape" || n.Op == "Size" || !inner && !slices.ContainsFunc(n.Inputs, func(name string) bool { return dynamic[name] }) {
			continue
		}
		is := picture.Node{Op: n.Op, Scope: n.scope, Inputs: n.Inputs, Parameters: n.Parameters, MultiplyAdds: n.MultiplyAdds}
		for _, v := range n.Outputs {
			is.Outputs = append(is.Outputs, v.Name)
			dynamic[v.Name] = true
			if v.Type != "" {
				forms[v.Name] = v.form()
			}
		}
		g.Nodes = append(g.Nodes, is)
	}
	g.Label = func(name string) string { return forms[name] }
	return picture.New(g, depth)
}
