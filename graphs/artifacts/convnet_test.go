package artifacts_test

import (
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/tools/cudastub"
)

// convnet is a small residual network, with a stride and a depthwise kernel.
type convnet struct{}

func (convnet) Forward(name string, batch int64, _ artifacts.Part, _ bool) (*artifacts.Forward, error) {
	g := graphs.New(name)
	f := &artifacts.Forward{Graph: g}
	x := g.Input(artifacts.Images, graphs.Float32, batch, 3, 8, 8)
	conv := func(x *graphs.Value, name string, filters, size, stride, group int64) *graphs.Value {
		w := g.Input(name+".weight", graphs.Float32, filters, x.Shape[1]/group, size, size)
		b := g.Input(name+".bias", graphs.Float32, filters)
		f.Parameters = append(f.Parameters, w, b)
		return g.Apply("Conv", graphs.Attributes{"kernel_shape": []int64{size, size},
			"strides": []int64{stride, stride}, "group": group,
			"dilations": []int64{1, 1}, "pads": []int64{size / 2, size / 2, size / 2, size / 2}}, x, w, b)
	}
	x = g.Relu(conv(x, "stem", 8, 3, 1, 1))
	x = g.Relu(g.Add(x, conv(g.Relu(conv(x, "conv1", 8, 3, 1, 8)), "conv2", 8, 1, 1, 1)))
	x = g.Relu(conv(x, "down", 16, 3, 2, 1))
	w := g.Input("head.weight", graphs.Float32, 3, 16)
	f.Parameters = append(f.Parameters, w)
	f.Result = g.MatMul(g.Reshape(g.Apply("GlobalAveragePool", nil, x), batch, 16), w, graphs.TransB)
	return f, g.Err()
}

// TestMixedConvolutions: convolutions run in both types, in bfloat16 because the graph states the opset that has them;
// so do those that lead back, but for a strided one in bfloat16, of which there is no kernel.
func TestMixedConvolutions(t *testing.T) {
	build := func(mix func(g *graphs.Graph)) *graphs.Graph {
		g, err := artifacts.Training(convnet{}, 4, artifacts.Options{})
		if err != nil {
			t.Fatal(err)
		}
		mix(g)
		return g
	}
	run := func(g *graphs.Graph) map[string][]float32 {
		return graphtest.Open(t, g, ort.Options{}).Run(func(name string, x []float32) {
			copy(x, graphtest.Fill(name, len(x), 0.1, 0.5))
		})
	}
	want := run(build(func(*graphs.Graph) {}))
	for kind, half := range halfTypes {
		in32 := map[string]int{}
		g := build(func(g *graphs.Graph) { g.Mix(half) })
		for _, n := range g.Nodes {
			if n.Outputs[0].Type == graphs.Float32 {
				in32[n.Op]++
			}
		}
		strided := map[pb.TensorProto_DataType]int{graphs.BFloat16: 1}[half]
		if in32["Conv"] != 0 || in32["ConvTranspose"] != strided || in32["Gemm"] != 0 || in32["Relu"] != 0 {
			t.Errorf("%s: in float32 are %v", kind, in32)
		}
		m, err := g.Model()
		if err != nil {
			t.Fatal(err)
		}
		if opset := m.OpsetImport[0].GetVersion(); (opset == 22) != (half == graphs.BFloat16) {
			t.Errorf("%s: opset %d", kind, opset)
		}
		limit := map[string]float64{"bfloat16": 0.02, "float16": 0.0025}[kind]
		for name, got := range run(build(func(g *graphs.Graph) { g.MixEmulated(half) })) {
			if off, _ := errorOf(got, want[name]); !(off <= limit) {
				t.Errorf("%s: %s is %.1e off", kind, name, off)
			}
		}
	}
}

// TestMixedConvolutionsOnCUDA: all of it on the GPU.
func TestMixedConvolutionsOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		for _, half := range halfTypes {
			check(t, half, func() (*graphs.Graph, error) {
				return artifacts.Training(convnet{}, 4, artifacts.Options{})
			})
			check(t, half, func() (*graphs.Graph, error) {
				return artifacts.Training(convnet{}, 4, artifacts.Options{Recompute: true})
			})
		}
	})
}
