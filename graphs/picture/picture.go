package picture

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
)

// A Node applies an operator. Scope names the parts of the model that it lies in,
// from the outermost on.
type Node struct {
	Op                       string
	Scope                    []string
	Inputs, Outputs          []string // names of values; empty: absent
	Parameters, MultiplyAdds int64
}

// A Graph is what is drawn. Nodes stand in an order in which they can run.
// Values that are neither an input nor made by a node are not drawn.
type Graph struct {
	Name            string
	Inputs, Outputs []string
	Nodes           []Node
	Label           func(value string) string // of an edge, such as its shape
}

// A box is one or more nodes, or an input or an output.
type box struct {
	id       int64
	scope    []string
	grouped  bool // all of a scope; else nodes that follow one another
	end      bool // an input or an output
	name     string
	ops      []string // in order, each once
	count    map[string]int
	nodes    int
	last     *Node
	sum, mul int64 // parameters, multiply-adds
}

// ID makes a box a node of gonum's graphs.
func (b *box) ID() int64 { return b.id }

// A Picture is a graph whose nodes are boxes.
type Picture struct {
	Depth  int // of the scopes that are one box each
	name   string
	boxes  []*box
	graph  *simple.DirectedGraph
	labels map[[2]int64]string // of edges
	total  int64               // multiply-adds
}

// legible is the number of boxes that a picture has at most, if a depth allows it.
const legible = 60

// New groups the nodes of g by the first depth parts of their scopes. A depth of 0
// is the greatest that gives a picture that can be read.
func New(g Graph, depth int) *Picture {
	if depth > 0 {
		return group(g, depth)
	}
	for _, n := range g.Nodes {
		depth = max(depth, len(n.Scope)+1)
	}
	p := group(g, depth)
	for len(p.boxes) > legible && depth > 1 {
		depth--
		p = group(g, depth)
	}
	return p
}

func group(g Graph, depth int) *Picture {
	p := &Picture{Depth: depth, name: g.Name, graph: simple.NewDirectedGraph(), labels: map[[2]int64]string{}}
	maker := map[string]*box{}
	readers := map[string]int{}
	for i := range g.Nodes {
		for _, name := range distinct(g.Nodes[i].Inputs) {
			readers[name]++
		}
	}
	for _, name := range g.Inputs {
		maker[name] = p.add(&box{end: true, name: name})
	}
	for _, name := range g.Outputs {
		readers[name]++
	}
	current := map[string]*box{} // of a scope
	for i := range g.Nodes {
		n := &g.Nodes[i]
		var from []*box
		for _, name := range distinct(n.Inputs) {
			if b := maker[name]; b != nil && !slices.Contains(from, b) {
				from = append(from, b)
			}
		}
		b := p.place(n, from, depth, current, readers)
		b.take(n)
		p.total += n.MultiplyAdds
		for _, name := range distinct(n.Inputs) {
			p.connect(maker[name], b, g.Label(name))
		}
		for _, name := range distinct(n.Outputs) {
			maker[name] = b
		}
	}
	for _, name := range g.Outputs {
		b := p.add(&box{end: true, name: name})
		p.connect(maker[name], b, g.Label(name))
	}
	return p
}

// place finds the box of a node: that of its scope, unless a way leads out of that
// and back to the node, so that the boxes would form a ring; or that of the node
// before it, if nothing else follows there.
func (p *Picture) place(n *Node, from []*box, depth int, current map[string]*box, readers map[string]int) *box {
	if len(n.Scope) >= depth {
		key := strings.Join(n.Scope[:depth], "\x00")
		b := current[key]
		ring := func(f *box) bool { return f != b && topo.PathExistsIn(p.graph, b, f) }
		if b == nil || slices.ContainsFunc(from, ring) {
			b = p.add(&box{grouped: true, scope: n.Scope[:depth]})
			current[key] = b
		}
		return b
	}
	if len(from) == 1 && !from[0].grouped && !from[0].end && slices.Equal(from[0].scope, n.Scope) {
		others := func(name string) bool { return readers[name] != 1 || !slices.Contains(n.Inputs, name) }
		if !slices.ContainsFunc(distinct(from[0].last.Outputs), others) {
			return from[0]
		}
	}
	return p.add(&box{scope: n.Scope})
}

func (p *Picture) add(b *box) *box {
	b.id, b.count = int64(len(p.boxes)), map[string]int{}
	p.boxes = append(p.boxes, b)
	p.graph.AddNode(b)
	return b
}

func (p *Picture) connect(from, to *box, label string) {
	if from == nil || from == to {
		return
	}
	key := [2]int64{from.id, to.id}
	p.graph.SetEdge(p.graph.NewEdge(from, to))
	switch known, ok := p.labels[key]; {
	case !ok:
		p.labels[key] = label
	case known != label:
		p.labels[key] = "" // of several values that differ
	}
}

func (b *box) take(n *Node) {
	if b.count[n.Op]++; b.count[n.Op] == 1 {
		b.ops = append(b.ops, n.Op)
	}
	b.nodes++
	b.last = n
	b.sum += n.Parameters
	b.mul += n.MultiplyAdds
}

// lines is the text of a box: its name, its operators and what they cost.
func (b *box) lines() []string {
	if b.end {
		return []string{b.name}
	}
	const most = 4
	var ops []string
	for i, op := range b.ops {
		if i == most && len(b.ops) > most+1 {
			ops = append(ops, fmt.Sprintf("%d more", len(b.ops)-most))
			break
		}
		if b.count[op] > 1 {
			op = fmt.Sprintf("%s ×%d", op, b.count[op])
		}
		ops = append(ops, op)
	}
	out := []string{strings.Join(ops, ", ")}
	if title := Title(b.scope); title != "" && b.grouped {
		out = append([]string{title}, out...)
	}
	var costs []string
	if b.sum > 0 {
		costs = append(costs, Short(b.sum)+" parameters")
	}
	if b.mul > 0 {
		costs = append(costs, Short(b.mul)+" MAC")
	}
	if costs != nil {
		out = append(out, strings.Join(costs, ", "))
	}
	return out
}

// Title joins the parts of a scope by dots. PyTorch's exporters repeat the outer
// parts in an inner one: blocks, blocks.0.
func Title(scope []string) string {
	var out []string
	for i, part := range scope {
		if i+1 < len(scope) && strings.HasPrefix(scope[i+1], part+".") {
			continue
		}
		out = append(out, part)
	}
	return strings.Join(out, ".")
}

// Short is a number in three or four digits with K, M, G or T for thousands.
func Short(n int64) string {
	x, unit := float64(n), 0
	for x >= 999.5 && unit < 4 {
		x /= 1000
		unit++
	}
	switch {
	case unit == 0:
		return fmt.Sprint(n)
	case x < 9.995:
		return fmt.Sprintf("%.2f", x) + " KMGT"[unit:unit+1]
	case x < 99.95:
		return fmt.Sprintf("%.1f", x) + " KMGT"[unit:unit+1]
	}
	return fmt.Sprintf("%.0f", x) + " KMGT"[unit:unit+1]
}

// distinct lists the names that are present, each once.
func distinct(names []string) (out []string) {
	for _, name := range names {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
