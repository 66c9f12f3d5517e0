package artifacts_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/internal/graphtest"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/onnx/pb"
)

// TestEmulationIsTheMixedGraph: the graph that runs on a GPU, with each value in half precision made one of float32
// that is rounded where it is made, gives the same numbers as the emulation, to the bit.
func TestEmulationIsTheMixedGraph(t *testing.T) {
	for kind, half := range halfTypes {
		for name, build := range map[string]func() (*graphs.Graph, error){
			"vit": func() (*graphs.Graph, error) {
				c := readGolden(t, "vit_tiny_dinov2").Config
				o := artifacts.Options{Recompute: true, Focal: 2}
				return artifacts.Training(artifacts.ViT(c.vit()), int64(c.Batch), o)
			},
			"convnet": func() (*graphs.Graph, error) { return artifacts.Training(convnet{}, 4, artifacts.Options{}) },
		} {
			run := func(mix func(g *graphs.Graph),
				change func(g *graphs.Graph, m *pb.ModelProto)) map[string][]float32 {
				g, err := build()
				if err != nil {
					t.Fatal(err)
				}
				mix(g)
				m, err := g.Model()
				if err != nil {
					t.Fatal(err)
				}
				change(g, m)
				return runModel(t, m)
			}
			got := run(func(g *graphs.Graph) { g.MixEmulated(half) }, func(*graphs.Graph, *pb.ModelProto) {})
			for output, want := range run(func(g *graphs.Graph) { g.Mix(half) },
				func(g *graphs.Graph, m *pb.ModelProto) { widen(g, m, half) }) {
				if !slices.Equal(got[output], want) {
					t.Errorf("%s in %s: %s differs", name, kind, output)
				}
			}
		}
	}
}

// widen makes all values of a model in mixed precision float32, and rounds those that were in half precision.
func widen(g *graphs.Graph, m *pb.ModelProto, half pb.TensorProto_DataType) {
	inHalf := map[string]bool{}
	for _, n := range g.Nodes {
		for _, v := range slices.Concat(n.Inputs, n.Outputs) {
			if v != nil && v.Type == half {
				inHalf[v.Name] = true
			}
		}
	}
	cast := func(from, to string, t pb.TensorProto_DataType) *pb.NodeProto {
		return &pb.NodeProto{OpType: proto.String("Cast"), Name: proto.String("to " + to), Input: []string{from},
			Output: []string{to},
			Attribute: []*pb.AttributeProto{{Name: proto.String("to"), Type: pb.AttributeProto_INT.Enum(),
				I: proto.Int64(int64(t))}}}
	}
	var nodes []*pb.NodeProto
	for _, n := range m.Graph.Node {
		if n.GetOpType() == "Cast" && (inHalf[n.Input[0]] || inHalf[n.Output[0]]) {
			n.OpType, n.Attribute = proto.String("Identity"), nil
		}
		nodes = append(nodes, n)
		for i, name := range n.Output {
			if inHalf[name] {
				n.Output[i] = name + " exact"
				nodes = append(nodes, cast(n.Output[i], name+" half", half), cast(name+" half", name, graphs.Float32))
			}
		}
	}
	m.Graph.Node = nodes
	for _, c := range m.Graph.Initializer {
		if c.GetDataType() != int32(half) {
			continue
		}
		var data []byte
		for i := 0; i < len(c.RawData); i += 2 {
			data = binary.LittleEndian.AppendUint32(data,
				math.Float32bits(read(half, binary.LittleEndian.Uint16(c.RawData[i:]))))
		}
		c.DataType, c.RawData = proto.Int32(int32(graphs.Float32)), data
	}
}

// read returns the number that the bits of a half-precision type stand for.
func read(half pb.TensorProto_DataType, bits uint16) float32 {
	if half == graphs.BFloat16 {
		return math.Float32frombits(uint32(bits) << 16)
	}
	sign, exponent, fraction := 1-2*float64(bits>>15), int(bits>>10&31), float64(bits&1023)
	switch exponent {
	case 0:
		return float32(math.Ldexp(sign*fraction, -24))
	case 31:
		return float32(sign * math.Inf(1)) // no constant is NaN
	}
	return float32(math.Ldexp(sign*(1024+fraction), exponent-25))
}

// runModel fills the inputs of a model with numbers drawn from their names and runs it.
func runModel(t *testing.T, m *pb.ModelProto) map[string][]float32 {
	t.Helper()
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := install.Load(t.Context(), install.Source{}); err != nil {
		t.Fatal(err)
	}
	s, err := ort.NewSession(data, ort.Options{Optimization: ort.Disable})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tensors := map[string]*ort.Tensor{}
	for _, info := range slices.Concat(s.Inputs(), s.Outputs()) {
		x, err := ort.NewTensor(info.Type, info.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		if err := s.Bind(info.Name, x); err != nil {
			t.Fatal(err)
		}
		copy(x.Float32(), graphtest.Fill(info.Name, len(x.Float32()), 0.1, 0.5))
		tensors[info.Name] = x
	}
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for _, info := range s.Outputs() {
		out[info.Name] = slices.Clone(tensors[info.Name].Float32())
	}
	return out
}
