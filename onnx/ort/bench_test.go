package ort

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// BenchmarkBindAndRun measures the cost of a session besides its operators: it binds and runs 300 inputs, as many as a
// ViT has parameters.
func BenchmarkBindAndRun(b *testing.B) {
	const count = 300
	var inputs ports
	var all string
	for i := range count {
		name := fmt.Sprintf("parameter_%d", i)
		inputs = append(inputs, info(name, float, 1))
		all += " " + name
	}
	s := session(b, model(b, inputs, ports{info("y", float, 1)}, nil, op("Sum", all, "y")), Options{})
	bind(b, s, "y", tensor(b, float, 1))
	x := tensor(b, float, 1)
	for _, in := range inputs {
		bind(b, s, in.GetName(), x)
	}
	b.Run("bind", func(b *testing.B) {
		for b.Loop() {
			for _, in := range inputs {
				bind(b, s, in.GetName(), x)
			}
		}
	})
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			run(b, s)
		}
	})
}

func constant(name string, dims []int64, values ...int64) *pb.TensorProto {
	return &pb.TensorProto{
		Name: proto.String(name), DataType: proto.Int32(int32(int64s)), Dims: dims, Int64Data: values,
	}
}

// block returns a transformer block of ViT-B, for 4 images of 197 tokens, with its parameters as inputs.
func block(b *testing.B) []byte {
	const tokens, width, heads = 197, 768, 12
	x := func(name string, dims ...any) *pb.ValueInfoProto { return info(name, float, dims...) }
	perm := func(p ...int64) *pb.AttributeProto {
		return &pb.AttributeProto{Name: proto.String("perm"), Type: pb.AttributeProto_INTS.Enum(), Ints: p}
	}
	inputs := ports{
		x("x", 4, tokens, width), x("g1", width), x("b1", width), x("g2", width), x("b2", width),
		x("wq", width, width), x("wk", width, width), x("wv", width, width), x("wo", width, width),
		x("w1", width, 4*width), x("w2", 4*width, width), x("half", 1), x("one", 1), x("root", 1),
	}
	shapes := []*pb.TensorProto{
		constant("split", []int64{4}, 4, tokens, heads, width/heads), constant("join", []int64{3}, 4, tokens, width),
	}
	return model(b, inputs, ports{x("y", 4, tokens, width)}, shapes,
		op("LayerNormalization", "x g1 b1", "n1"),
		op("MatMul", "n1 wq", "q"), op("MatMul", "n1 wk", "k"), op("MatMul", "n1 wv", "v"),
		op("Reshape", "q split", "q4"), op("Reshape", "k split", "k4"), op("Reshape", "v split", "v4"),
		op("Transpose", "q4", "qt", perm(0, 2, 1, 3)), op("Transpose", "k4", "kt", perm(0, 2, 3, 1)),
		op("Transpose", "v4", "vt", perm(0, 2, 1, 3)),
		op("MatMul", "qt kt", "scores"), op("Softmax", "scores", "weights"), op("MatMul", "weights vt", "mixed"),
		op("Transpose", "mixed", "mt", perm(0, 2, 1, 3)), op("Reshape", "mt join", "merged"),
		op("MatMul", "merged wo", "attended"), op("Add", "x attended", "h"),
		op("LayerNormalization", "h g2 b2", "n2"), op("MatMul", "n2 w1", "m"),
		op("Div", "m root", "e1"), op("Erf", "e1", "e2"), op("Add", "e2 one", "e3"), op("Mul", "m e3", "e4"),
		op("Mul", "e4 half", "e5"), op("MatMul", "e5 w2", "m2"), op("Add", "h m2", "y"))
}

// BenchmarkBlock compares libraries (set FOVEA_ORT) and memory options on the operators of a ViT.
func BenchmarkBlock(b *testing.B) {
	data := block(b)
	for _, o := range []Options{{}, {Arena: true}, {Arena: true, MemoryPattern: true}} {
		b.Run(fmt.Sprintf("arena=%v/pattern=%v", o.Arena, o.MemoryPattern), func(b *testing.B) {
			s := session(b, data, o)
			r := rand.New(rand.NewPCG(1, 2))
			for _, list := range [][]Info{s.Inputs(), s.Outputs()} {
				for _, i := range list {
					t := tensor(b, i.Type, i.Shape...)
					for k := range t.Float32() {
						t.Float32()[k] = float32(r.NormFloat64()) * 0.03
					}
					bind(b, s, i.Name, t)
				}
			}
			run(b, s)
			for b.Loop() {
				run(b, s)
			}
		})
	}
}
