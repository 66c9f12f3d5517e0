package picture

import (
	"strconv"
	"strings"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/encoding/dot"
)

// DOT is the picture in Graphviz's language.
func (p *Picture) DOT() ([]byte, error) {
	return dot.Marshal(described{p.graph, p}, strconv.Quote(p.name), "", "  ")
}

// described gives the edges of a picture their labels.
type described struct {
	graph.Directed
	picture *Picture
}

// DOTAttributers says how all nodes look.
func (d described) DOTAttributers() (graph, node, edge encoding.Attributer) {
	font := encoding.Attribute{Key: "fontname", Value: "Helvetica"}
	return attributes{}, attributes{{Key: "shape", Value: "box"}, font}, attributes{font}
}

func (d described) Edge(u, v int64) graph.Edge {
	return labelled{d.Directed.Edge(u, v), d.picture.labels[[2]int64{u, v}]}
}

type attributes []encoding.Attribute

func (a attributes) Attributes() []encoding.Attribute { return a }

type labelled struct {
	graph.Edge
	label string
}

func (e labelled) Attributes() []encoding.Attribute {
	if e.label == "" {
		return nil
	}
	return attributes{{Key: "label", Value: strconv.Quote(e.label)}}
}

// Attributes are a box's in Graphviz's language.
func (b *box) Attributes() []encoding.Attribute {
	label := attributes{{Key: "label", Value: strconv.Quote(strings.Join(b.lines(), "\n"))}}
	if b.end {
		return append(label, encoding.Attribute{Key: "shape", Value: "ellipse"})
	}
	return label
}
