package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/onnx"
)

// A description holds the description of a model by tools/onnxgo.
type description struct {
	Inputs, Outputs, Edges int
	Nodes                  []described
	Shapes                 map[string][]int64 // of what is declared or stored, without symbols
}

type described struct {
	Op              string
	Inputs, Outputs []string
}

// TestONNXGoReadsTheSameStructure: onnx-go, a decoder of ONNX that shares no code with this module, finds the
// operators, edges, inputs, outputs and initializers that a report has.
func TestONNXGoReadsTheSameStructure(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(exported, "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	tiny := vit.Config{ImageSize: 28, Patch: 7, Width: 16, Depth: 2, Heads: 2, Classes: 5, Pool: vit.Mean}
	g, err := artifacts.Training(artifacts.ViT(tiny), 4, artifacts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	training := filepath.Join(t.TempDir(), "training.onnx")
	if err := onnx.Save(training, m, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	describeByONNXGo := graphtest.StartONNXGo(t)
	for _, path := range append(paths, training) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			model, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, want := description{}, describe(open(t, path).Model)
			describeByONNXGo(t, model, &got)
			if got.Inputs != want.Inputs || got.Outputs != want.Outputs || got.Edges != want.Edges ||
				len(got.Nodes) != len(want.Nodes) {
				t.Fatalf("onnx-go reads %d inputs, %d outputs, %d edges, %d nodes; the report has %d, %d, %d, %d",
					got.Inputs, got.Outputs, got.Edges, len(got.Nodes), want.Inputs, want.Outputs, want.Edges,
					len(want.Nodes))
			}
			for i := range want.Nodes {
				if !reflect.DeepEqual(got.Nodes[i], want.Nodes[i]) {
					t.Errorf("node %d: onnx-go reads %v, the report has %v", i, got.Nodes[i], want.Nodes[i])
				}
			}
			if !reflect.DeepEqual(got.Shapes, want.Shapes) {
				t.Errorf("onnx-go reads the shapes\n%v, the report has\n%v", got.Shapes, want.Shapes)
			}
			t.Logf("%d nodes, %d edges, %d shapes", len(want.Nodes), want.Edges, len(want.Shapes))
		})
	}
}

// describe says of a report what onnx-go is to say of the model. It draws an edge from each input of a node to each
// output once, and gives a node without inputs one.
func describe(m *Model) description {
	d := description{Inputs: len(m.Inputs), Outputs: len(m.Outputs), Shapes: map[string][]int64{}}
	for _, n := range m.List {
		is := described{Op: n.Op, Inputs: n.Inputs}
		if len(is.Inputs) == 0 {
			is.Inputs = []string{fmt.Sprint(n.Name, "/input")}
		}
		for _, v := range n.Outputs {
			is.Outputs = append(is.Outputs, v.Name)
		}
		d.Nodes = append(d.Nodes, is)
		d.Edges += len(slices.Compact(slices.Sorted(slices.Values(is.Inputs)))) * len(is.Outputs)
	}
	for _, v := range slices.Concat(m.Inputs, m.Outputs, m.Tensors) {
		d.Shapes[v.Name] = []int64{}
		for _, size := range v.Shape {
			if size, ok := size.(int64); ok {
				d.Shapes[v.Name] = append(d.Shapes[v.Name], size)
			}
		}
	}
	return d
}
