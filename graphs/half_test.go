package graphs_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fovea/graphs"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// TestRoundTo holds the rounding of constants, and that of the runtime's CPU casts, which the emulation relies on,
// against each other: on random bit patterns, on what lies halfway between two numbers, and at both ends of the range.
func TestRoundTo(t *testing.T) {
	infinity := float32(math.Inf(1))
	x := []float32{0, 1, 65504, 65519.996, 65520, 65536, 1e6, math.MaxFloat32, infinity, float32(math.NaN()), 1e-8,
		0x1p-24, 0x1p-25, 0x1.000002p-25, 0x1.8p-24, 0x1p-14, 0x1.ffep-15, 0x1.fffp-15, 0x1.ffdp-15, 0x1.fffp9,
		0x1p-133, 0x1p-134, 0x1.8p-133, math.SmallestNonzeroFloat32}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1 << 14 {
		bits := rng.Uint32()
		x = append(x, math.Float32frombits(bits),
			math.Float32frombits(bits&^0xffff|0x8000),                             // halfway in bfloat16
			float32(math.Ldexp(float64(2049+2*(bits&1023)), int(bits>>10&31)-26)), // halfway in float16
			float32(math.Ldexp(float64(bits&2047)+0.5, -24)))
	}
	for _, v := range x[:len(x):len(x)] {
		x = append(x, -v)
	}
	g := graphs.New("cast")
	in := g.Input("x", graphs.Float32, int64(len(x)))
	g.Output("float16", g.Cast(g.Cast(in, graphs.Float16), graphs.Float32))
	g.Output("bfloat16", g.Cast(g.Cast(in, graphs.BFloat16), graphs.Float32))
	runtime := graphtest.Open(t, g, ort.Options{}).Run(func(_ string, to []float32) { copy(to, x) })
	for i, v := range x {
		if _, rounded := graphs.RoundTo(graphs.Float16, v); !same(rounded, runtime["float16"][i]) {
			t.Errorf("%x in float16 is %x, by the runtime %x", v, rounded, runtime["float16"][i])
		}
		if _, rounded := graphs.RoundTo(graphs.BFloat16, v); !same(rounded, runtime["bfloat16"][i]) {
			t.Errorf("%x in bfloat16 is %x, by the runtime %x", v, rounded, runtime["bfloat16"][i])
		}
	}
	if y := runtime["float16"][4]; y != infinity {
		t.Errorf("65520 in float16 is %v", y)
	}
}

// same tells whether two numbers are the same, with the sign of a zero.
func same(a, b float32) bool { return a != a && b != b || math.Float32bits(a) == math.Float32bits(b) }

// TestRoundToBits: the runtime reads the bits of a constant as the rounded number.
func TestRoundToBits(t *testing.T) {
	for _, half := range []pb.TensorProto_DataType{graphs.Float16, graphs.BFloat16} {
		g := graphs.New("constants")
		want := map[string]float32{}
		for i, x := range []float32{0, 1, -1.5, 65504, 70000, 1e-7, 0x1p-24, 0.1, -3.14159, 0x1.ffep-15, 0x1.fffp-15,
			2047.5, 1e-30, 1e30} {
			bits, rounded := graphs.RoundTo(half, x)
			name := fmt.Sprintf("y%d", i)
			g.Output(name, g.Cast(g.Constant(half, nil, binary.LittleEndian.AppendUint16(nil, bits)), graphs.Float32))
			want[name] = rounded
		}
		for name, y := range graphtest.Open(t, g, ort.Options{}).Run(nil) {
			if !same(y[0], want[name]) {
				t.Errorf("%s in %s is %v, want %v", name, half, y[0], want[name])
			}
		}
	}
}
