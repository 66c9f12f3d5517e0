package graphs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/onnx"
)

func Example() {
	g := graphs.New("linear")
	x := g.Input("x", graphs.Float32, graphs.Dynamic, 16)
	w := g.Input("w", graphs.Float32, 4, 16)
	y := g.Gelu(g.MatMul(x, w, graphs.TransB))
	g.Output("y", g.Mul(y, g.Scalar(0.5)))
	fmt.Print(g)
	// Output:
	// graph linear
	//   input  x float32[batch,16]
	//   input  w float32[4,16]
	//   Gemm_2 float32[batch,4] = Gemm(x, w) alpha=1, transA=0, transB=1
	//   Gelu_3 float32[batch,4] = Gelu(Gemm_2)
	//   y float32[batch,4] = Mul(Gelu_3, 0.5)
	//   output y float32[batch,4]
}

func TestInferenceRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(g *graphs.Graph, x *graphs.Value) // x is float32[2,3,4]
		want  string
	}{
		{"inner dimensions", func(g *graphs.Graph, x *graphs.Value) { g.MatMul(x, x, graphs.NoTrans) },
			"inner dimensions 4 and 3 differ"},
		{"broadcast", func(g *graphs.Graph, x *graphs.Value) { g.Add(x, g.Filled(0, 5)) }, "do not broadcast"},
		{"types", func(g *graphs.Graph, x *graphs.Value) { g.Add(x, g.Cast(x, graphs.Float64)) },
			"element types differ"},
		{"reshape", func(g *graphs.Graph, x *graphs.Value) { g.Reshape(x, 5, -1) },
			"24 elements do not fill shape [5,batch]"},
		{"permutation", func(g *graphs.Graph, x *graphs.Value) { g.Transpose(x, 0, 0, 1) }, "no permutation"},
		{"squeeze", func(g *graphs.Graph, x *graphs.Value) { g.Squeeze(x, 1) }, "axis 1 has size 3, not 1"},
		{"axis", func(g *graphs.Graph, x *graphs.Value) { g.Softmax(x, 3) }, "axis 3 is outside of rank 3"},
		{"split", func(g *graphs.Graph, x *graphs.Value) { g.Split(x, 1, 1, 1) }, "do not add up to 3"},
		{"slice", func(g *graphs.Graph, x *graphs.Value) { g.Slice(x, 2, 1, 5) }, "[1:5] is not inside of axis 2"},
		{"missing input", func(g *graphs.Graph, x *graphs.Value) { g.Add(x, nil) }, "input 1 is missing"},
		{"bias", func(g *graphs.Graph, x *graphs.Value) {
			a := g.Reshape(x, 6, 4)
			g.Linear(a, g.Filled(0, 5, 4), g.Filled(0, 4))
		}, "do not broadcast"},
		{"norm weight", func(g *graphs.Graph, x *graphs.Value) { g.LayerNormalization(x, g.Filled(1, 3), nil, 1e-6) },
			"not of shape [4]"},
		{"operator", func(g *graphs.Graph, x *graphs.Value) { g.Apply("Nonsense", nil, x) }, "no shape inference"},
		{"name", func(g *graphs.Graph, x *graphs.Value) { g.Input("x", graphs.Float32) }, "taken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graphs.New("bad")
			c.build(g, g.Input("x", graphs.Float32, 2, 3, 4))
			g.Output("y", g.Exp(g.Filled(1, 2))) // building goes on after a mistake
			_, err := g.Model()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestFold(t *testing.T) {
	g := graphs.New("fold")
	x := g.Input("x", graphs.Float32, 2)
	half := g.Neg(g.Sub(g.Scalar(1), g.Scalar(1.5)))
	g.Output("y", g.Mul(x, g.Mul(half, g.Floats([]float32{2, 4}, 2))))
	g.Fold()
	if len(g.Nodes) != 1 {
		t.Fatalf("%d nodes are left:\n%s", len(g.Nodes), g)
	}
	if got, _ := g.Nodes[0].Inputs[1].FloatValues(); !slices.Equal(got, []float32{1, 2}) {
		t.Errorf("the constant is %v", got)
	}
}

func TestConstantsAreShared(t *testing.T) {
	g := graphs.New("constants")
	scalar, pair := g.Scalar(2), g.Ints(1, 2)
	if g.Scalar(2) != scalar || g.Ints(1, 2) != pair {
		t.Error("equal constants are stored twice")
	}
	if g.Scalar(2) == g.Floats([]float32{2}, 1) {
		t.Error("constants of different shape are one")
	}
}

// ladder returns a chain of products whose weight gradients Last moves.
func ladder() (g *graphs.Graph, weightGradients []*graphs.Value) {
	g = graphs.New("ladder")
	x := g.Input("x", graphs.Float32, 2, 2)
	for i := range 4 {
		weightGradients = append(weightGradients, g.Scale(g.Exp(x), float64(i+2)))
		x = g.Tanh(x)
	}
	g.Output("y", x)
	for i, v := range weightGradients {
		weightGradients[i] = g.Output(fmt.Sprint("w", i), v)
	}
	return g, weightGradients
}

func TestLast(t *testing.T) {
	g, outputs := ladder()
	g.Last(outputs...)
	var ops []string
	for _, n := range g.Nodes {
		ops = append(ops, n.Op)
	}
	want := "Tanh Tanh Tanh Tanh Exp Mul Exp Mul Exp Mul Exp Mul"
	if got := strings.Join(ops, " "); got != want {
		t.Errorf("order is %s, want %s", got, want)
	}
	checkOrder(t, g)
}

func TestProductsForCPU(t *testing.T) {
	g := graphs.New("products")
	a, b := g.Input("a", graphs.Float32, 5, 2), g.Input("b", graphs.Float32, 5, 3)
	g.Output("apart", g.MatMul(a, b, graphs.TransA))
	g.Output("scaled", g.ScaledMatMul(2, a, b, graphs.TransA)) // has no plain form
	g.Output("other", g.MatMul(a, a, graphs.TransB))
	g.ForCPU()
	for _, line := range []string{
		"Transpose_5 float32[2,5] = Transpose(a) perm=[1 0]",
		"apart float32[2,3] = MatMul(Transpose_5, b)",
		"scaled float32[2,3] = Gemm(a, b) alpha=2, transA=1, transB=0",
		"other float32[5,5] = Gemm(a, a) alpha=1, transA=0, transB=1",
	} {
		if !strings.Contains(g.String(), line) {
			t.Errorf("%q is not in\n%s", line, g)
		}
	}
	before := g.String()
	if g.ForCPU(); g.String() != before {
		t.Errorf("a second time changes the graph to\n%s", g)
	}
}

func TestShuffleKeepsAnOrderThatRuns(t *testing.T) {
	for seed := range uint64(20) {
		g, _ := ladder()
		n := len(g.Nodes)
		g.Shuffle(rand.New(rand.NewPCG(seed, 0)))
		if len(g.Nodes) != n {
			t.Fatalf("%d nodes of %d are left", len(g.Nodes), n)
		}
		checkOrder(t, g)
	}
}

func checkOrder(t *testing.T, g *graphs.Graph) {
	t.Helper()
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(m); err != nil {
		t.Error(err)
	}
}

func TestRemoveDead(t *testing.T) {
	g := graphs.New("dead")
	x := g.Input("x", graphs.Float32, 2)
	g.Exp(g.Exp(x))
	g.Output("y", g.Tanh(x))
	g.RemoveDead()
	if len(g.Nodes) != 1 || g.Nodes[0].Op != "Tanh" {
		t.Errorf("left are:\n%s", g)
	}
}

// TestTransposeOfNothing: a permutation that changes nothing is no node.
func TestTransposeOfNothing(t *testing.T) {
	g := graphs.New("transpose")
	x := g.Input("x", graphs.Float32, 2, 3)
	if g.Transpose(x, 0, 1) != x || g.Transpose(x, 1, 0) == x || g.Err() != nil {
		t.Errorf("%v\n%s", g.Err(), g)
	}
	if g.Transpose(x, 0, 0); g.Err() == nil {
		t.Error("[0 0] is a permutation")
	}
}

// TestImported: names, versions and nodes of another model are taken over, equal initializers stay apart, and names
// made here avoid the model's.
func TestImported(t *testing.T) {
	g := graphs.Imported("m", "new/", 11, map[string]int64{"": 23, "custom": 3})
	x := g.Input("x", graphs.Float32, 2)
	data := make([]byte, 8)
	a, b := g.Initializer("a", graphs.Float32, []int64{2}, data), g.Initializer("b", graphs.Float32, []int64{2}, data)
	if a == b {
		t.Error("equal initializers are one value")
	}
	n := &graphs.Node{Op: "Mystery", Domain: "custom", Name: "node 7", Version: 3, Inputs: []*graphs.Value{x, nil, a}}
	y := g.Append(n, &graphs.Value{Name: "y", Type: graphs.Float32, Shape: []int64{2}}, nil)[0]
	z := g.Add(y, b)
	g.Output("z", z)
	for _, v := range []*graphs.Value{y, x, a} { // under their own names
		g.Output(v.Name, v)
	}
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(m); err != nil {
		t.Error(err)
	}
	node := m.GetGraph().GetNode()[0]
	if node.GetName() != "node 7" || !slices.Equal(node.GetInput(), []string{"x", "", "a"}) ||
		!slices.Equal(node.GetOutput(), []string{"y", ""}) {
		t.Errorf("the node is %v", node)
	}
	var versions []string
	for _, o := range m.GetOpsetImport() {
		versions = append(versions, fmt.Sprint(o.GetDomain(), o.GetVersion()))
	}
	if m.GetIrVersion() != 11 || !slices.Equal(versions, []string{"23", "custom3"}) {
		t.Errorf("versions are %d and %v", m.GetIrVersion(), versions)
	}
	if v := g.Exp(x); !strings.HasPrefix(v.Name, "new/") {
		t.Errorf("a name made here is %q", v.Name)
	}
	if outputs := m.GetGraph().GetOutput(); len(outputs) != 4 || outputs[2].GetName() != "x" ||
		len(m.GetGraph().GetNode()) != 2 {
		t.Errorf("outputs are %v", outputs)
	}
	if g.Initializer("y", graphs.Float32, nil, nil); g.Err() == nil {
		t.Error("a name may be taken twice")
	}
}
