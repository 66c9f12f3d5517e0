package picture

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/multi"
	"gonum.org/v1/gonum/graph/topo"
)

// blocks is a model of n residual blocks of a norm and a layer, x + layer(norm(x)).
func blocks(n int) Graph {
	g := Graph{Name: `"blocks" & <more>`, Inputs: []string{"x0"}, Outputs: []string{fmt.Sprint("x", n)},
		Label: func(name string) string { return "shape of " + name[:1] }}
	for i := range n {
		block, x := fmt.Sprint("blocks.", i), fmt.Sprint("x", i)
		node := func(op, scope string, out string, in ...string) {
			is := Node{Op: op, Scope: []string{"blocks", block}, Inputs: in, Outputs: []string{out + fmt.Sprint(i)}, MultiplyAdds: 5}
			if scope != "" {
				is.Scope = append(is.Scope, block+"."+scope)
			}
			g.Nodes = append(g.Nodes, is)
		}
		node("Norm", "norm", "a", x)
		node("MatMul", "layer", "b", fmt.Sprint("a", i), "weight")
		node("Add", "layer", "c", fmt.Sprint("b", i))
		node("Add", "", "y", x, fmt.Sprint("c", i))
		g.Nodes[len(g.Nodes)-1].Outputs = []string{fmt.Sprint("x", i+1)}
	}
	return g
}

func titles(p *Picture) (out []string) {
	for _, b := range p.boxes {
		out = append(out, b.lines()[0])
	}
	return out
}

func TestDepth(t *testing.T) {
	for _, c := range []struct {
		depth, blocks int
		want          string
	}{
		{1, 2, "x0|blocks|x2"},
		{2, 2, "x0|blocks.0|blocks.1|x2"},
		{3, 1, "x0|blocks.0.norm|blocks.0.layer|Add|x1"},
		{4, 1, "x0|Norm|MatMul, Add|Add|x1"}, // nodes that only follow each other are one box
	} {
		if got := strings.Join(titles(New(blocks(c.blocks), c.depth)), "|"); got != c.want {
			t.Errorf("depth %d: %s, want %s", c.depth, got, c.want)
		}
	}
	if p := New(blocks(2), 0); p.Depth != 4 {
		t.Errorf("a small model is drawn at depth %d", p.Depth)
	}
	if p := New(blocks(40), 0); p.Depth != 2 || len(p.boxes) != 42 {
		t.Errorf("a large one is drawn at depth %d with %d boxes", p.Depth, len(p.boxes))
	}
}

// TestRing: a scope that is left and entered again is two boxes.
func TestRing(t *testing.T) {
	g := Graph{Inputs: []string{"x"}, Outputs: []string{"z"}, Label: func(string) string { return "" }, Nodes: []Node{
		{Op: "Relu", Scope: []string{"shared"}, Inputs: []string{"x"}, Outputs: []string{"a"}},
		{Op: "Conv", Scope: []string{"conv"}, Inputs: []string{"a"}, Outputs: []string{"b"}},
		{Op: "Relu", Scope: []string{"shared"}, Inputs: []string{"b"}, Outputs: []string{"z"}},
	}}
	p := New(g, 1)
	if got := strings.Join(titles(p), "|"); got != "x|shared|conv|shared|z" {
		t.Error(got)
	}
	if _, err := topo.Sort(p.graph); err != nil {
		t.Error(err)
	}
}

// TestDOT reads the text with gonum's parser.
func TestDOT(t *testing.T) {
	p := New(blocks(2), 3)
	text, err := p.DOT()
	if err != nil {
		t.Fatal(err)
	}
	g := multi.NewDirectedGraph()
	if err := dot.UnmarshalMulti(text, g); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got, want := g.Nodes().Len(), len(p.boxes); got != want {
		t.Errorf("%d nodes, want %d", got, want)
	}
	if got, want := g.Edges().Len(), p.graph.Edges().Len(); got != want {
		t.Errorf("%d edges, want %d", got, want)
	}
	if !strings.Contains(string(text), `label="blocks.0.layer\nMatMul, Add\n10 MAC"`) || !strings.Contains(string(text), `[label="shape of a"]`) {
		t.Errorf("labels are missing in\n%s", text)
	}
}

// TestSVG: the text is XML, has a box for each box and a path for each edge; boxes
// of a layer do not overlap and edges lead down.
func TestSVG(t *testing.T) {
	for _, depth := range []int{1, 2, 3, 4} {
		p := New(blocks(5), depth)
		text, err := p.SVG()
		if err != nil {
			t.Fatal(err)
		}
		elements := map[string]int{}
		for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
			}
		}
		if elements["rect"] != len(p.boxes)+1 || elements["path"] != p.graph.Edges().Len() {
			t.Errorf("depth %d: %v for %d boxes and %d edges", depth, elements, len(p.boxes), p.graph.Edges().Len())
		}
		l, err := p.arrange()
		if err != nil {
			t.Fatal(err)
		}
		for i, layer := range l.layers {
			for k, s := range layer {
				if s.x-s.width/2 < 0 || s.x+s.width/2 > l.width || s.y+s.height/2 > l.height {
					t.Errorf("depth %d: %v is outside of the picture", depth, s)
				}
				if k > 0 && layer[k-1].x+layer[k-1].width/2 > s.x-s.width/2 {
					t.Errorf("depth %d: boxes %d and %d of layer %d overlap", depth, k-1, k, i)
				}
				if slices.ContainsFunc(s.down, func(to *place) bool { return to.y-to.height/2 <= s.y+s.height/2 }) {
					t.Errorf("depth %d: an edge from layer %d does not lead down", depth, i)
				}
			}
		}
	}
}

func TestShort(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1.00K", 9994: "9.99K", 9996: "10.0K", 99960: "100K",
		999600: "1.00M", 86567656: "86.6M", 17600000000: "17.6G"} {
		if got := Short(n); got != want {
			t.Errorf("%d is written as %s, want %s", n, got, want)
		}
	}
}
