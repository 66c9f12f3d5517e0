package ort

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

const (
	float  = pb.TensorProto_FLOAT
	half   = pb.TensorProto_FLOAT16
	int64s = pb.TensorProto_INT64
)

func TestMemoryIsSharedWithTheRuntime(t *testing.T) {
	for _, level := range []Level{All, Extended, Basic, Disable} {
		s := session(t, addModel(t), Options{Optimization: level, Threads: 1})
		a, b, sum := tensor(t, float, 2, 3), tensor(t, float, 2, 3), tensor(t, float, 2, 3)
		bind(t, s, "a", a)
		bind(t, s, "b", b)
		bind(t, s, "sum", sum)
		copy(a.Float32(), []float32{1, 2, 3, 4, 5, 6})
		copy(b.Float32(), []float32{10, 20, 30, 40, 50, 60})
		run(t, s)
		want(t, sum.Float32(), 11, 22, 33, 44, 55, 66)
		a.Float32()[0] = -1 // seen without binding again
		run(t, s)
		want(t, sum.Float32(), 9, 22, 33, 44, 55, 66)
		// Bound again, the new tensor counts and the old one rests.
		other := tensor(t, float, 2, 3)
		bind(t, s, "sum", other)
		a.Float32()[0] = 0
		run(t, s)
		want(t, other.Float32(), 10, 22, 33, 44, 55, 66)
		want(t, sum.Float32(), 9, 22, 33, 44, 55, 66)
	}
}

func TestOutputOverInput(t *testing.T) {
	s := session(t, addModel(t), Options{})
	a, b := tensor(t, float, 2, 3), tensor(t, float, 2, 3)
	for i := range b.Float32() {
		b.Float32()[i] = float32(i)
	}
	bind(t, s, "a", a)
	bind(t, s, "b", b)
	bind(t, s, "sum", a)
	for range 3 {
		run(t, s)
	}
	want(t, a.Float32(), 0, 3, 6, 9, 12, 15)
}

func TestScalars(t *testing.T) {
	s := session(t, model(t, ports{info("x", float, "n"), info("scale", float)}, ports{info("total", float)}, nil,
		op("ReduceSum", "x", "all", number("keepdims", 0)), op("Mul", "all scale", "total")), Options{})
	x, scale, total := tensor(t, float, 4), tensor(t, float), tensor(t, float)
	copy(x.Float32(), []float32{1, 2, 3, 4})
	scale.Float32()[0] = 0.5
	bind(t, s, "x", x)
	bind(t, s, "scale", scale)
	bind(t, s, "total", total)
	run(t, s)
	want(t, total.Float32(), 5)
	scale.Float32()[0] = 2
	run(t, s)
	want(t, total.Float32(), 20)
	if n := len(total.Shape()); n != 0 {
		t.Errorf("a scalar has rank %d", n)
	}
}

func TestHalfAndIntegers(t *testing.T) {
	s := session(t, model(t, ports{info("x", int64s, "n", 2)},
		ports{info("h", half, "n", 2), info("twice", int64s, "n", 2)}, nil,
		op("Cast", "x", "h", number("to", int64(half))), op("Add", "x x", "twice")), Options{})
	x, h, twice := tensor(t, int64s, 2, 2), tensor(t, half, 2, 2), tensor(t, int64s, 2, 2)
	copy(x.Int64(), []int64{1, -2, 0, 65504})
	bind(t, s, "x", x)
	bind(t, s, "h", h)
	bind(t, s, "twice", twice)
	run(t, s)
	for i, w := range []uint16{0x3c00, 0xc000, 0, 0x7bff} { // IEEE 754 binary16
		if got := binary.NativeEndian.Uint16(h.Bytes()[2*i:]); got != w {
			t.Errorf("half %d is %#04x, want %#04x", i, got, w)
		}
		if got := twice.Int64()[i]; got != 2*x.Int64()[i] {
			t.Errorf("twice %d is %d", x.Int64()[i], got)
		}
	}
}

func TestEmptyTensor(t *testing.T) {
	s := session(t, model(t, ports{info("x", float, "n")}, ports{info("y", float, "n")}, nil,
		op("Neg", "x", "y")), Options{})
	bind(t, s, "x", tensor(t, float, 0))
	bind(t, s, "y", tensor(t, float, 0))
	run(t, s)
}

// A model without inputs, and one whose output is its input.
func TestUnusualModels(t *testing.T) {
	constant := op("Constant", "", "y", &pb.AttributeProto{
		Name: proto.String("value_floats"), Type: pb.AttributeProto_FLOATS.Enum(), Floats: []float32{7, 8},
	})
	s := session(t, model(t, nil, ports{info("y", float, 2)}, nil, constant), Options{})
	y := tensor(t, float, 2)
	bind(t, s, "y", y)
	run(t, s)
	want(t, y.Float32(), 7, 8)

	s = session(t, model(t, ports{info("x", float, 2)}, ports{info("x", float, 2), info("y", float, 2)}, nil,
		op("Neg", "x", "y")), Options{})
	x := tensor(t, float, 2)
	copy(x.Float32(), []float32{1, 2})
	bind(t, s, "x", x)
	bind(t, s, "y", y)
	run(t, s)
	want(t, y.Float32(), -1, -2)
	want(t, x.Float32(), 1, 2)
}

func TestArenaOfViews(t *testing.T) {
	m, err := Allocate(4096)
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.Tensor(0, float, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := m.Tensor(64, float, 2, 3)
	sum, _ := m.Tensor(128, float, 2, 3)
	s := session(t, addModel(t), Options{})
	bind(t, s, "a", a)
	bind(t, s, "b", b)
	bind(t, s, "sum", sum)
	flat := m.Float32()
	for i := range 6 {
		flat[i], flat[16+i] = float32(i), 100
	}
	run(t, s)
	want(t, flat[32:38], 100, 101, 102, 103, 104, 105)

	// The owner and the views go first: the session keeps the memory alive.
	for _, x := range []*Tensor{a, b, sum} {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Free(); err != nil {
		t.Fatal(err)
	}
	run(t, s)
	if m.data == nil {
		t.Fatal("the memory was unmapped under a session")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if m.data != nil {
		t.Fatal("the memory outlives its last user")
	}
}

func TestGarbageCollectorPressure(t *testing.T) {
	const width = 1 << 16
	s := session(t, model(t, ports{info("a", float, width), info("b", float, width)},
		ports{info("sum", float, width)}, nil,
		op("Add", "a b", "sum")), Options{Threads: 2})
	sum := tensor(t, float, width)
	for _, name := range []string{"a", "b"} {
		x, err := NewTensor(float, width) // only the session knows them
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.Float32() {
			x.Float32()[i] = float32(i)
		}
		bind(t, s, name, x)
	}
	bind(t, s, "sum", sum)
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	var waste [][]byte
	for round := range 50 {
		clear(sum.Float32())
		waste = append(waste[:0], make([]byte, 1<<20), make([]byte, 1<<16))
		runtime.GC()
		run(t, s)
		for i, got := range sum.Float32() {
			if got != float32(2*i) {
				t.Fatalf("round %d, element %d: %v", round, i, got)
			}
		}
	}
	runtime.KeepAlive(waste)
	for _, slot := range s.inputs {
		if err := slot.tensor.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSessionsSideBySide(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			s := session(t, addModel(t), Options{Threads: 1 + i%2, MemoryPattern: i > 1, Arena: i%2 == 0})
			a, sum := tensor(t, float, 2, 3), tensor(t, float, 2, 3)
			bind(t, s, "a", a)
			bind(t, s, "b", a)
			bind(t, s, "sum", sum)
			for k := range 500 {
				a.Float32()[i] = float32(k)
				run(t, s)
				if sum.Float32()[i] != float32(2*k) {
					t.Fatalf("2 x %d = %v", k, sum.Float32()[i])
				}
			}
		})
	}
}

func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	weights := make([]byte, 4*6)
	for i := range 6 {
		binary.LittleEndian.PutUint32(weights[4*i:], math.Float32bits(float32(i)))
	}
	if err := os.WriteFile(filepath.Join(dir, "w.data"), weights, 0o644); err != nil {
		t.Fatal(err)
	}
	external := &pb.TensorProto{
		Name: proto.String("w"), DataType: proto.Int32(int32(float)), Dims: []int64{2, 3},
		DataLocation: pb.TensorProto_EXTERNAL.Enum(),
		ExternalData: []*pb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("w.data")}},
	}
	data := model(t, ports{info("x", float, 2, 3)}, ports{info("y", float, 2, 3)}, []*pb.TensorProto{external},
		op("Add", "x w", "y"))
	path := filepath.Join(dir, "m.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	fromFile, err := OpenSession(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fromFile.Close()
	fromBytes := session(t, data, Options{Config: map[string]string{
		"session.model_external_initializers_file_folder_path": dir,
	}})
	for _, s := range []*Session{fromFile, fromBytes} {
		y := tensor(t, float, 2, 3)
		bind(t, s, "x", tensor(t, float, 2, 3))
		bind(t, s, "y", y)
		run(t, s)
		want(t, y.Float32(), 0, 1, 2, 3, 4, 5)
	}
}

func TestDescriptions(t *testing.T) {
	s := session(t, model(t, ports{info("x", float, "n", 2), info("s", half)},
		ports{info("y", float, "n", 2), info("h", half)}, nil,
		op("Neg", "x", "y"), op("Identity", "s", "h")), Options{})
	const inputs, outputs = "[{x FLOAT [-1 2]} {s FLOAT16 []}]", "[{y FLOAT [-1 2]} {h FLOAT16 []}]"
	if got := fmt.Sprint(s.Inputs()); got != inputs {
		t.Errorf("inputs %s, want %s", got, inputs)
	}
	if got := fmt.Sprint(s.Outputs()); got != outputs {
		t.Errorf("outputs %s, want %s", got, outputs)
	}
}

func TestProfile(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "p")
	s := session(t, addModel(t), Options{Profile: prefix})
	a := tensor(t, float, 2, 3)
	for _, name := range []string{"a", "b", "sum"} {
		bind(t, s, name, a)
	}
	run(t, s)
	path, err := s.EndProfile()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(path, prefix) || !strings.Contains(string(text), `"Add_sum_kernel_time"`) {
		t.Errorf("profile %s (%v) lacks the node's time", path, err)
	}
	if _, err := session(t, addModel(t), Options{}).EndProfile(); err == nil {
		t.Error("a profile that was never begun ends without an error")
	}
}
