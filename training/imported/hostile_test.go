package imported

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/graphs/importer"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// TestDamagedModels: whatever is wrong with a model ends in an error, not in a
// panic. The trace is that of the whole model, so that import gets far.
func TestDamagedModels(t *testing.T) {
	ops := []string{"Slice", "Split", "Pad", "Transpose", "ReduceMean", "Softmax", "Clip", "TopK", "Upsample", "Resize", "Scatter",
		"GridSample", "BatchNormalization", "LayerNormalization", "Squeeze", "Flatten", "Dropout", "Identity", "If", "Loop", "Scan", "DFT", "RoiAlign", "Compress", "Shape"}
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	sizes := importer.Sizes{Batch: 2}
	for _, path := range paths {
		f := open(t, path)
		rng := rand.New(rand.NewPCG(1, 2))
		pick := func(n int) int { return rng.IntN(max(n, 1)) }
		survived := 0
		for range 300 {
			m := proto.Clone(f.model.Proto).(*pb.ModelProto)
			for range 1 + pick(3) {
				n := m.Graph.Node[pick(len(m.Graph.Node))]
				switch pick(6) {
				case 0:
					n.Input = n.Input[:pick(len(n.Input))]
				case 1:
					if len(n.Input) > 0 {
						n.Input[pick(len(n.Input))] = ""
					}
				case 2:
					n.Output = n.Output[:pick(len(n.Output))]
				case 3:
					n.Attribute = nil
				case 4:
					n.OpType = proto.String(ops[pick(len(ops))])
				case 5:
					if len(n.Attribute) > 0 {
						a := n.Attribute[pick(len(n.Attribute))]
						a.I, a.Ints, a.T = proto.Int64(int64(pick(20)-10)), []int64{int64(pick(20) - 10)}, nil
					}
				}
			}
			m.OpsetImport[0].Version = proto.Int64(int64(9 + pick(15)))
			s, err := importer.Read(m, sizes)
			if err != nil {
				continue
			}
			if _, err := s.Decide(f.trace); err != nil {
				continue
			}
			if _, err := s.Import(f.trace, importer.Options{}); err == nil {
				survived++
			}
		}
		t.Logf("%s: %d of 300 damaged models are imported", path, survived)
	}
}

// TestWrongRanks: ONNX Runtime sees what the structure does not tell.
func TestWrongRanks(t *testing.T) {
	b := newModel(13, 7)
	b.input("x", float, 2, 3)
	b.floats("w", 4, 5)
	b.node("MatMul", "x,w -> y", nil)
	b.outputs("y")
	path := b.file(t, onnx.SaveOptions{})
	if _, err := Open(path, importer.Sizes{}); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "MatMul") {
		t.Errorf("error is %v", err)
	}
}
