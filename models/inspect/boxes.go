package inspect

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
)

// A drawing is the part of a model that a picture shows. Values that are neither an input nor made by one of the nodes
// are not drawn.
type drawing struct {
	inputs, outputs []string
	nodes           []Node            // in an order in which they can run
	labels          map[string]string // of edges, by the value that they carry
}

// A picture is a graph whose nodes are boxes.
type picture struct {
	depth  int // parts of a scope that make a box
	boxes  []*box
	graph  *simple.DirectedGraph
	labels map[[2]int64]string // of edges
}

// A box is one or more nodes, or an input or an output.
type box struct {
	id           int64
	scope        []string
	grouped      bool // all nodes of a scope; otherwise nodes that follow one another
	end          bool // an input or an output
	name         string
	ops          []string // in order, each once
	count        map[string]int
	last         *Node
	parameters   int64
	multiplyAdds int64
}

// ID makes a box a node of gonum's graphs.
func (b *box) ID() int64 { return b.id }

// mostBoxes is the number of boxes that a picture has at most, if a depth allows it.
const mostBoxes = 60

// newPicture groups the nodes by the first depth parts of their scopes. A depth of 0 stands for the greatest that gives
// at most mostBoxes.
func newPicture(d drawing, depth int) *picture {
	if depth > 0 {
		return groupNodes(d, depth)
	}
	for _, n := range d.nodes {
		depth = max(depth, len(n.scope)+1)
	}
	p := groupNodes(d, depth)
	for len(p.boxes) > mostBoxes && depth > 1 {
		depth--
		p = groupNodes(d, depth)
	}
	return p
}

func groupNodes(d drawing, depth int) *picture {
	p := &picture{depth: depth, graph: simple.NewDirectedGraph(), labels: map[[2]int64]string{}}
	maker := map[string]*box{}   // by value
	readers := map[string]int{}  // nodes and outputs, by value
	current := map[string]*box{} // the latest box of a scope
	for i := range d.nodes {
		for _, name := range distinct(d.nodes[i].Inputs) {
			readers[name]++
		}
	}
	for _, name := range d.inputs {
		maker[name] = p.add(&box{end: true, name: name})
	}
	for _, name := range d.outputs {
		readers[name]++
	}
	for i := range d.nodes {
		n := &d.nodes[i]
		inputs := distinct(n.Inputs)
		var from []*box
		for _, name := range inputs {
			if b := maker[name]; b != nil && !slices.Contains(from, b) {
				from = append(from, b)
			}
		}
		b := p.boxFor(n, from, current, readers)
		b.take(n)
		for _, name := range inputs {
			p.connect(maker[name], b, d.labels[name])
		}
		for _, v := range n.Outputs {
			if v.Name != "" {
				maker[v.Name] = b
			}
		}
	}
	for _, name := range d.outputs {
		b := p.add(&box{end: true, name: name})
		p.connect(maker[name], b, d.labels[name])
	}
	return p
}

// boxFor returns the box for a node that reads from others. A node that is deep enough goes to the box of its scope. It
// gets a new box if a path leads out of that box and back to the node, as the boxes would then form a cycle. Another
// node joins the only box that it reads, if nothing else reads that box. Otherwise the box is new.
func (p *picture) boxFor(n *Node, from []*box, current map[string]*box, readers map[string]int) *box {
	if len(n.scope) >= p.depth {
		scope := n.scope[:p.depth]
		key := strings.Join(scope, "\x00")
		b := current[key]
		closesCycle := func(f *box) bool { return f != b && topo.PathExistsIn(p.graph, b, f) }
		if b == nil || slices.ContainsFunc(from, closesCycle) {
			b = p.add(&box{grouped: true, scope: scope})
			current[key] = b
		}
		return b
	}
	if len(from) == 1 && !from[0].grouped && !from[0].end && slices.Equal(from[0].scope, n.scope) {
		readElsewhere := func(v Value) bool {
			return v.Name != "" && (readers[v.Name] != 1 || !slices.Contains(n.Inputs, v.Name))
		}
		if !slices.ContainsFunc(from[0].last.Outputs, readElsewhere) {
			return from[0]
		}
	}
	return p.add(&box{scope: n.scope})
}

func (p *picture) add(b *box) *box {
	b.id, b.count = int64(len(p.boxes)), map[string]int{}
	p.boxes = append(p.boxes, b)
	p.graph.AddNode(b)
	return b
}

// connect draws an edge. Where several values go the same way, it keeps their label only if all have the same.
func (p *picture) connect(from, to *box, label string) {
	if from == nil || from == to {
		return
	}
	key := [2]int64{from.id, to.id}
	p.graph.SetEdge(p.graph.NewEdge(from, to))
	if known, ok := p.labels[key]; ok && known != label {
		label = ""
	}
	p.labels[key] = label
}

func (b *box) take(n *Node) {
	if b.count[n.Op]++; b.count[n.Op] == 1 {
		b.ops = append(b.ops, n.Op)
	}
	b.last = n
	b.parameters += n.Parameters
	b.multiplyAdds += n.MultiplyAdds
}

// lines returns the text of a box: its name, its operators and their cost.
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
	if title := scopeTitle(b.scope); title != "" && b.grouped {
		out = append([]string{title}, out...)
	}
	var costs []string
	if b.parameters > 0 {
		costs = append(costs, short(b.parameters)+" parameters")
	}
	if b.multiplyAdds > 0 {
		costs = append(costs, short(b.multiplyAdds)+" MAC")
	}
	if costs != nil {
		out = append(out, strings.Join(costs, ", "))
	}
	return out
}

// scopeTitle joins the parts of a scope by dots, without those that the next part repeats: PyTorch's exporters write
// blocks, blocks.0.
func scopeTitle(scope []string) string {
	var out []string
	for i, part := range scope {
		if i+1 < len(scope) && strings.HasPrefix(scope[i+1], part+".") {
			continue
		}
		out = append(out, part)
	}
	return strings.Join(out, ".")
}

// distinct lists the names that are not empty, each once.
func distinct(names []string) (out []string) {
	for _, name := range names {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
