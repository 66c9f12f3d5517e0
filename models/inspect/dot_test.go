package inspect

import (
	"fmt"
	"strings"
	"testing"

	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/multi"
	"gonum.org/v1/gonum/graph/topo"
)

// blocks returns a model of n residual blocks of a norm and a layer, x + layer(norm(x)).
func blocks(n int) drawing {
	d := drawing{inputs: []string{"x0"}, outputs: []string{fmt.Sprint("x", n)}, labels: map[string]string{}}
	for i := range n {
		block, x := fmt.Sprint("blocks.", i), fmt.Sprint("x", i)
		node := func(op, scope, out string, in ...string) {
			n := Node{Op: op, scope: []string{"blocks", block}, Inputs: in, Outputs: []Value{{Name: out}},
				MultiplyAdds: 5}
			if scope != "" {
				n.scope = append(n.scope, block+"."+scope)
			}
			d.nodes = append(d.nodes, n)
		}
		normalised, product, biased := fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("c", i)
		node("Norm", "norm", normalised, x)
		node("MatMul", "layer", product, normalised, "weight")
		node("Add", "layer", biased, product)
		node("Add", "", fmt.Sprint("x", i+1), x, biased)
		for _, name := range []string{x, normalised, product, biased, fmt.Sprint("x", n)} {
			d.labels[name] = "shape of " + name[:1]
		}
	}
	return d
}

func titles(p *picture) (out []string) {
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
		if got := strings.Join(titles(newPicture(blocks(c.blocks), c.depth)), "|"); got != c.want {
			t.Errorf("depth %d: %s, want %s", c.depth, got, c.want)
		}
	}
	if p := newPicture(blocks(2), 0); p.depth != 4 {
		t.Errorf("a small model is drawn at depth %d", p.depth)
	}
	if p := newPicture(blocks(40), 0); p.depth != 2 || len(p.boxes) != 42 {
		t.Errorf("a large one is drawn at depth %d with %d boxes", p.depth, len(p.boxes))
	}
}

// TestRing: a scope that is left and entered again is two boxes.
func TestRing(t *testing.T) {
	d := drawing{inputs: []string{"x"}, outputs: []string{"z"}, nodes: []Node{
		{Op: "Relu", scope: []string{"shared"}, Inputs: []string{"x"}, Outputs: []Value{{Name: "a"}}},
		{Op: "Conv", scope: []string{"conv"}, Inputs: []string{"a"}, Outputs: []Value{{Name: "b"}}},
		{Op: "Relu", scope: []string{"shared"}, Inputs: []string{"b"}, Outputs: []Value{{Name: "z"}}},
	}}
	p := newPicture(d, 1)
	if got := strings.Join(titles(p), "|"); got != "x|shared|conv|shared|z" {
		t.Error(got)
	}
	if _, err := topo.Sort(p.graph); err != nil {
		t.Error(err)
	}
}

// TestDOT reads the text with gonum's parser.
func TestDOT(t *testing.T) {
	p := newPicture(blocks(2), 3)
	text, err := p.dot(`"blocks" & <more>`)
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
	if !strings.Contains(string(text), `label="blocks.0.layer\nMatMul, Add\n10 MAC"`) ||
		!strings.Contains(string(text), `[label="shape of a"]`) {
		t.Errorf("labels are missing in\n%s", text)
	}
}

func TestShort(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1.00K", 9994: "9.99K", 9996: "10.0K",
		99960:  "100K",
		999600: "1.00M", 86567656: "86.6M", 17600000000: "17.6G"} {
		if got := short(n); got != want {
			t.Errorf("%d is written as %s, want %s", n, got, want)
		}
	}
}
