package importer

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx"
	"fovea/onnx/pb"
)

// FuzzRead imports models of any bytes, with a trace that is made up: no model and no trace may end in a panic, or cost
// memory out of proportion.
func FuzzRead(f *testing.F) {
	paths, err := filepath.Glob("../../models/imported/testdata/*p_*.onnx")
	if err != nil || len(paths) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint64(0))
	}
	called := model(17, op("F", "local", "x"))
	called.Functions = []*pb.FunctionProto{{Name: proto.String("F"), Domain: proto.String("local"),
		Input:  []string{"a"},
		Output: []string{"y"}, Node: []*pb.NodeProto{op("Tanh", "", "a")}}}
	branched := model(17, op("If", "", "c"))
	branched.Graph.Initializer = append(branched.Graph.Initializer,
		&pb.TensorProto{Name: proto.String("c"), DataType: proto.Int32(9), RawData: []byte{1}})
	body := &pb.GraphProto{Node: []*pb.NodeProto{op("Tanh", "", "x")},
		Output: []*pb.ValueInfoProto{{Name: proto.String("y")}}}
	for _, name := range []string{"then_branch", "else_branch"} {
		branched.Graph.Node[0].Attribute = append(branched.Graph.Node[0].Attribute,
			&pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_GRAPH.Enum(), G: body})
	}
	for _, m := range []*pb.ModelProto{called, branched, model(9, op("Slice", "", "x")),
		model(23, op("Squeeze", "", "x"))} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint64(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		m, err := onnx.Unmarshal(b)
		if err != nil {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := Read(m, Sizes{Batch: 2, Named: map[string]int64{"width": 3}})
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<30 {
			t.Errorf("%d MB were allocated for a model of %d bytes", used>>20, len(b))
		}
		if err != nil {
			return
		}
		trace := madeUp(s.Observed(), seed)
		if _, err := s.Decide(trace); err != nil {
			return
		}
		for _, o := range []Options{{}, {Inputs: true}} {
			s.Import(trace, o) // an error is as good as a graph
		}
	})
}

// madeUp tells of each value a type and a shape that only depend on its name and a seed.
func madeUp(m *pb.ModelProto, seed uint64) Trace {
	out := Trace{}
	for _, v := range m.GetGraph().GetOutput() {
		h := fnv.New64a()
		h.Write([]byte(v.GetName()))
		word := h.Sum64() ^ seed
		kinds := []pb.TensorProto_DataType{pb.TensorProto_FLOAT, pb.TensorProto_FLOAT, pb.TensorProto_INT64,
			pb.TensorProto_BOOL}
		t := &pb.TensorProto{Name: v.Name, DataType: proto.Int32(int32(kinds[word>>60&3]))}
		for i := range word >> 50 % 5 {
			t.Dims = append(t.Dims, int64(word>>(8*i)%5))
		}
		if n, err := onnx.DataSize(kinds[word>>60&3], t.Dims); err == nil && word>>40&1 == 0 {
			t.RawData = make([]byte, n)
		}
		out[v.GetName()] = t
	}
	return out
}
