package inspect

import (
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/encoding/dot"
)

// DOT draws the model in Graphviz's language. Nodes whose scopes share their first depth parts are one box, so that a
// model of a thousand nodes becomes a picture of some tens of boxes. A depth of 0 stands for the greatest that gives a
// picture of at most 60 boxes. Nodes that work on shapes and constants alone are left out.
func (r *Report) DOT(depth int) ([]byte, error) {
	return newPicture(r.drawing(), depth).dot(r.Path)
}

func (p *picture) dot(name string) ([]byte, error) {
	return dot.Marshal(labelledGraph{p.graph, p.labels}, strconv.Quote(name), "", "  ")
}

// drawing returns the part of the model that a picture shows.
func (r *Report) drawing() drawing {
	d := drawing{labels: map[string]string{}}
	dynamic := map[string]bool{} // values that depend on the model's inputs
	for _, v := range r.Model.Inputs {
		dynamic[v.Name] = true
		d.inputs = append(d.inputs, v.Name)
		d.labels[v.Name] = v.form()
	}
	for _, v := range r.Model.Outputs {
		d.outputs = append(d.outputs, v.Name)
		d.labels[v.Name] = v.form()
	}
	if m := r.Model.Measured; m != nil {
		for _, v := range m.Inputs {
			d.labels[v.Name] = v.form()
		}
	}
	for _, n := range r.Model.List {
		// The body of a loop or branch may read values that are not among the node's inputs.
		hasBody := n.Op == "Loop" || n.Op == "If" || n.Op == "Scan"
		readsDynamic := slices.ContainsFunc(n.Inputs, func(name string) bool { return dynamic[name] })
		if n.Op == "Shape" || n.Op == "Size" || !hasBody && !readsDynamic {
			continue
		}
		for _, v := range n.Outputs {
			dynamic[v.Name] = true
			if v.Type != "" {
				d.labels[v.Name] = v.form()
			}
		}
		d.nodes = append(d.nodes, n)
	}
	return d
}

// A labelledGraph gives the edges of a picture their labels.
type labelledGraph struct {
	graph.Directed
	labels map[[2]int64]string
}

// DOTAttributers returns the style of all nodes and edges.
func (g labelledGraph) DOTAttributers() (graph, node, edge encoding.Attributer) {
	font := encoding.Attribute{Key: "fontname", Value: "Helvetica"}
	return attributes{}, attributes{{Key: "shape", Value: "box"}, font}, attributes{font}
}

// Edge returns the edge from u to v with its label.
func (g labelledGraph) Edge(u, v int64) graph.Edge {
	return labelledEdge{g.Directed.Edge(u, v), g.labels[[2]int64{u, v}]}
}

type attributes []encoding.Attribute

func (a attributes) Attributes() []encoding.Attribute { return a }

type labelledEdge struct {
	graph.Edge
	label string
}

func (e labelledEdge) Attributes() []encoding.Attribute {
	if e.label == "" {
		return nil
	}
	return attributes{{Key: "label", Value: strconv.Quote(e.label)}}
}

// Attributes returns the box's text and shape.
func (b *box) Attributes() []encoding.Attribute {
	label := attributes{{Key: "label", Value: strconv.Quote(strings.Join(b.lines(), "\n"))}}
	if b.end {
		return append(label, encoding.Attribute{Key: "shape", Value: "ellipse"})
	}
	return label
}
