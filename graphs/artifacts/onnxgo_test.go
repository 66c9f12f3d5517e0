package artifacts_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/internal/graphtest"
)

// A description holds the description of a model by tools/onnxgo.
type description struct {
	Inputs, Outputs, Edges int
	Nodes                  []node
}

type node struct {
	Op              string
	Attributes      map[string]string
	Inputs, Outputs []string
}

// TestONNXGoReadsTheSameGraph: onnx-go, a decoder of ONNX that shares no code with this module, finds in the written
// models the operators, attributes, values and edges of the graph, in its order, and no cycle.
func TestONNXGoReadsTheSameGraph(t *testing.T) {
	describeByONNXGo := graphtest.StartONNXGo(t)
	tiny := vit.Config{ImageSize: 28, Patch: 7, Width: 16, Depth: 2, Heads: 2, Classes: 5, Pool: vit.Mean}
	for name, build := range map[string]func() (*graphs.Graph, error){
		"training": func() (*graphs.Graph, error) {
			return artifacts.Training(artifacts.ViT(tiny), 4, artifacts.Options{})
		},
		"eval":      func() (*graphs.Graph, error) { return artifacts.Eval(artifacts.ViT(tiny), 4) },
		"inference": func() (*graphs.Graph, error) { return artifacts.Inference(tiny) },
	} {
		t.Run(name, func(t *testing.T) {
			g, err := build()
			if err != nil {
				t.Fatal(err)
			}
			model, err := g.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			got, want := description{}, describe(g)
			describeByONNXGo(t, model, &got)
			if got.Inputs != want.Inputs || got.Outputs != want.Outputs || got.Edges != want.Edges ||
				len(got.Nodes) != len(want.Nodes) {
				t.Fatalf("onnx-go reads %d inputs, %d outputs, %d edges, %d nodes; the graph has %d, %d, %d, %d",
					got.Inputs, got.Outputs, got.Edges, len(got.Nodes),
					want.Inputs, want.Outputs, want.Edges, len(want.Nodes))
			}
			for i := range want.Nodes {
				if !reflect.DeepEqual(got.Nodes[i], want.Nodes[i]) {
					t.Errorf("node %d: onnx-go reads\n%v\nthe graph has\n%v", i, got.Nodes[i], want.Nodes[i])
				}
			}
			t.Logf("%d nodes, %d edges", len(want.Nodes), want.Edges)
		})
	}
}

// describe says of a graph what onnx-go is to say of its model. An edge is a pair of an output and an input of a node;
// onnx-go draws it once, also if the node takes the input twice.
func describe(g *graphs.Graph) description {
	d := description{Inputs: len(g.Inputs), Outputs: len(g.Outputs)}
	for _, n := range g.Nodes {
		is := node{Op: n.Op, Attributes: map[string]string{}}
		for name, x := range n.Attributes {
			is.Attributes[name] = fmt.Sprintf("%T %v", x, x)
		}
		for _, v := range n.Inputs {
			name := "" // of an input that is absent
			if v != nil {
				name = v.Name
			}
			is.Inputs = append(is.Inputs, name)
		}
		for _, v := range n.Outputs {
			is.Outputs = append(is.Outputs, v.Name)
		}
		d.Nodes = append(d.Nodes, is)
		distinct := slices.Compact(slices.Sorted(slices.Values(is.Inputs)))
		d.Edges += len(distinct) * len(is.Outputs)
	}
	return d
}
