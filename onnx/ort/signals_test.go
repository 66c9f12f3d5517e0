package ort

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fovea/onnx/pb"
)

// signalModel doubles a and b, and has a signal behind each: that of b is the last node of the file. Behind the signal
// of one waits what needs an index.
func signalModel(t *testing.T, index int64) []byte {
	t.Helper()
	signal := func(inputs, output string, index int64) *pb.NodeProto {
		n := op(SignalOp, inputs, output, number("index", index))
		n.Domain = proto.String(SignalDomain)
		return n
	}
	var m pb.ModelProto
	err := proto.Unmarshal(model(t, ports{info("a", float, 2), info("b", float, 2)},
		ports{info("aa", float, 2), info("bb", float, 2), info("s", float), info("u", float)}, nil,
		op("Add", "a a", "aa"), op("Add", "b b", "bb"), signal("aa bb", "s", 0), signal("bb", "u", index)), &m)
	if err != nil {
		t.Fatal(err)
	}
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String(SignalDomain), Version: proto.Int64(1)})
	data, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSignals: each signal tells its turn, of which ONNX Runtime gives the last node of the file the first, and none
// before the run or after Reset.
func TestSignals(t *testing.T) {
	signals, err := NewSignals(2)
	if err != nil {
		t.Fatal(err)
	}
	defer signals.Close()
	s, err := NewSession(signalModel(t, 1), Options{Threads: 1, Signals: signals})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, aa, bb, nothing := tensor(t, float, 2), tensor(t, float, 2), tensor(t, float, 2), tensor(t, float)
	copy(a.Float32(), []float32{1, 2})
	for name, x := range map[string]*Tensor{"a": a, "b": a, "aa": aa, "bb": bb, "s": nothing, "u": nothing} {
		bind(t, s, name, x)
	}
	for range 2 {
		if signals.Turn(0) != 0 || signals.Turn(1) != 0 {
			t.Errorf("turns before a run: %d, %d", signals.Turn(0), signals.Turn(1))
		}
		run(t, s)
		if signals.Turn(0) != 2 || signals.Turn(1) != 1 {
			t.Errorf("turns %d and %d, want 2 and 1", signals.Turn(0), signals.Turn(1))
		}
		want(t, aa.Float32(), 2, 4)
		want(t, bb.Float32(), 2, 4)
		signals.Reset()
	}
	if _, err := NewSession(signalModel(t, 2), Options{Signals: signals}); err == nil ||
		!strings.Contains(err.Error(), "a signal has no such index") {
		t.Errorf("an index that is none: %v", err)
	}
}
