package conformance

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/cost"
	"fovea/graphs/deploy"
	"fovea/graphs/importer"
	"fovea/graphs/transfer"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

// passes lists what changes a graph on its way to a run, each from the imported graph on.
var passes = map[string]func(g *graphs.Graph){
	"text":        func(g *graphs.Graph) { _ = g.String() },
	"fold":        (*graphs.Graph).Fold,
	"simplify":    (*graphs.Graph).Simplify,
	"for a CPU":   (*graphs.Graph).ForCPU,
	"remove dead": (*graphs.Graph).RemoveDead,
	"last":        func(g *graphs.Graph) { g.Last(g.Outputs...) },
	"shuffle":     func(g *graphs.Graph) { g.Shuffle(rand.New(rand.NewPCG(1, 1))) },
	"bfloat16":    func(g *graphs.Graph) { g.Mix(graphs.BFloat16) },
	"float16":     func(g *graphs.Graph) { g.Mix(graphs.Float16) },
	"emulated":    func(g *graphs.Graph) { g.MixEmulated(graphs.BFloat16) },
	"memory": func(g *graphs.Graph) {
		isParameter := func(*graphs.Value) bool { return false }
		cost.Forward(g, isParameter)
		cost.Run(g, isParameter)
		cost.Kept(g, nil, g.Inputs, isParameter)
	},
	"multiply-adds": func(g *graphs.Graph) {
		for _, n := range g.Nodes {
			cost.MultiplyAdds(n)
		}
	},
	"parameters": func(g *graphs.Graph) {
		initial := func(string) []byte { return nil }
		transfer.Parameters(g, g.Inputs[0], g.Outputs[0], initial, transfer.Layering{}) //nolint:errcheck // may refuse
	},
	"half":     func(g *graphs.Graph) { deploy.Half(g, 0) },                  //nolint:errcheck // may refuse
	"quantize": func(g *graphs.Graph) { deploy.Quantize(g) },                 //nolint:errcheck // may refuse
	"opset":    func(g *graphs.Graph) { deploy.Model(g, deploy.Opset(g)-1) }, //nolint:errcheck // may refuse
	"backward, recompute and write": func(g *graphs.Graph) {
		cotangents := map[*graphs.Value]*graphs.Value{}
		var list []*graphs.Value
		for _, y := range g.Outputs {
			if y.Type == graphs.Float32 && cotangents[y] == nil {
				cotangents[y] = g.Input(y.Name+".cotangent", y.Type, y.Shape...)
				list = append(list, cotangents[y])
			}
		}
		wrt, forward := slices.Clone(g.Inputs), slices.Clone(g.Nodes)
		gradients, err := autodiff.Backward(g, cotangents, wrt)
		if err != nil {
			return // a refusal
		}
		for i, v := range gradients {
			if v != nil {
				g.Output(wrt[i].Name+".grad", v)
			}
		}
		g.Recompute(list, g.Keep(list, g.Cuts(wrt[0], g.Outputs[0])))
		cost.Kept(g, forward, wrt, func(*graphs.Value) bool { return false })
		g.Last(g.Outputs...)
		g.Fold()
		g.Mix(graphs.BFloat16)
		g.Model() //nolint:errcheck // the conformance test sees it
	},
}

// TestOptional takes graphs in which an optional input or output is left out through every pass: none may panic.
func TestOptional(t *testing.T) {
	if _, err := install.Load(t.Context(), install.Source{}); err != nil {
		t.Fatal(err)
	}
	list := []string{"optional"}
	if !testing.Short() {
		list = corpora
	}
	for _, corpus := range list {
		cases, err := readCases("testdata", corpus)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			c.eachPass(t)
		}
	}
}

// eachPass takes the graph of a case through every pass. It skips what the runtime or the importer refuses.
func (c testCase) eachPass(t *testing.T) {
	pass := "import"
	defer func() {
		if failure := recover(); failure != nil {
			t.Errorf("%s: %s: %v\n%s", c.name, pass, failure, debug.Stack())
		}
	}()
	source, err := importer.Read(proto.Clone(c.model).(*pb.ModelProto), importer.Sizes{})
	if err != nil {
		return
	}
	trace, err := traced(source, nudged(c, 0))
	if err != nil {
		return
	}
	pass = "find a head"
	transfer.FindHead(source.Model(), trace, 1, "") //nolint:errcheck // may refuse
	transfer.FreeBatch(source.Model(), trace)       //nolint:errcheck // may refuse
	for _, options := range []importer.Options{{}, {Inputs: true}} {
		for name, apply := range passes {
			pass = "import"
			m, err := source.Import(trace, options)
			if err != nil {
				return
			}
			pass = fmt.Sprintf("%s, %+v", name, options)
			apply(m.Graph)
		}
	}
}
