package ort

import (
	"math"
	"path/filepath"
	"reflect"
	"testing"

	yalue "github.com/yalue/onnxruntime_go"

	"fovea/onnx/ort/internal/orttest"
	"fovea/onnx/pb"
)

func TestBindErrors(t *testing.T) {
	s := session(t, model(t, ports{info("images", float, "batch", 3), info("step", int64s)},
		ports{info("logits", float, "batch", 3)}, nil,
		op("Cast", "step", "f", number("to", int64(float))), op("Add", "images f", "logits")), Options{})
	orttest.Says(t, s.Run(), `input "images"`, `input "step"`, `output "logits"`, "not bound")
	orttest.Says(t, s.Bind("image", tensor(t, float, 2, 3)), `"image"`, "images", "step", "logits")
	orttest.Says(t, s.Bind("images", tensor(t, half, 2, 3)), `input "images"`, "FLOAT[?,3]", "FLOAT16[2,3]")
	orttest.Says(t, s.Bind("images", tensor(t, float, 2, 4)), "FLOAT[?,3]", "FLOAT[2,4]")
	orttest.Says(t, s.Bind("images", tensor(t, float, 3)), "FLOAT[?,3]", "FLOAT[3]")
	orttest.Says(t, s.Bind("step", tensor(t, int64s, 1)), "INT64[]", "INT64[1]")
	orttest.Says(t, s.Bind("logits", tensor(t, float, 2, 4)), `output "logits"`)
	closed, err := NewTensor(float, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	orttest.Says(t, s.Bind("images", closed), "closed")

	// A batch that differs between input and output is seen when the model runs.
	bind(t, s, "images", tensor(t, float, 2, 3))
	bind(t, s, "step", tensor(t, int64s))
	orttest.Says(t, s.Run(), `not bound: output "logits"`)
	bind(t, s, "logits", tensor(t, float, 5, 3))
	orttest.Says(t, s.Run(), "running a session")
	bind(t, s, "logits", tensor(t, float, 2, 3))
	run(t, s)

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	orttest.Says(t, s.Run(), "closed")
	orttest.Says(t, s.Bind("images", tensor(t, float, 2, 3)), "closed")
	_, err = s.Placement()
	orttest.Says(t, err, "closed")
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestSessionErrors(t *testing.T) {
	unknown := model(t, nil, ports{info("y", float)}, nil, op("Frobnicate", "", "y"))
	for name, c := range map[string]struct {
		model []byte
		o     Options
		want  string
	}{
		"empty":            {nil, Options{}, "the model is empty"},
		"text":             {[]byte("this is no model"), Options{}, "creating a session"},
		"unknown operator": {unknown, Options{}, "Frobnicate"},
		"provider":         {addModel(t), Options{Provider: "tpu"}, `provider "tpu" is unknown`},
		"threads":          {addModel(t), Options{Threads: -1}, "-1 is negative"},
		"level":            {addModel(t), Options{Optimization: 9}, "level 9"},
		"options of the CPU": {addModel(t), Options{ProviderOptions: map[string]string{"a": "b"}},
			"cpu takes no options"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewSession(c.model, c.o)
			orttest.Says(t, err, c.want)
		})
	}
	_, err := OpenSession(filepath.Join(t.TempDir(), "none.onnx"), Options{})
	orttest.Says(t, err, "none.onnx")
	if lib := InUse(); len(lib.Providers) == 1 {
		_, err = NewSession(addModel(t), Options{Provider: "cuda"})
		orttest.Says(t, err, "was built without CUDA", lib.Path)
	}
	s := session(t, addModel(t), Options{})
	_, err = s.Placement()
	orttest.Says(t, err, recordPlacement)
}

func TestPlacementOnTheCPU(t *testing.T) {
	s := session(t, addModel(t), Options{Config: map[string]string{recordPlacement: "1"}})
	got, err := s.Placement()
	if err != nil {
		t.Fatal(err)
	}
	if want := []Placed{{"Add_sum", "Add", "CPUExecutionProvider"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("placed %v, want %v", got, want)
	}
}

func TestTensorErrors(t *testing.T) {
	_, err := NewTensor(float, 2, -1)
	orttest.Says(t, err, "negative dimension")
	_, err = NewTensor(pb.TensorProto_STRING, 2)
	orttest.Says(t, err, "STRING[2]")
	_, err = NewTensor(float, math.MaxInt32, math.MaxInt32, math.MaxInt32)
	orttest.Says(t, err, "larger than the address space")
	_, err = Allocate(-1)
	orttest.Says(t, err, "-1")
	m, err := Allocate(64)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Tensor(4, float, 16)
	orttest.Says(t, err, "64 bytes from offset 4 do not fit into 64 bytes")
	_, err = m.Tensor(-4, float, 1)
	orttest.Says(t, err, "offset -4")
	_, err = m.Tensor(2, float, 1)
	orttest.Says(t, err, "not a multiple")
	if err := m.Free(); err != nil {
		t.Fatal(err)
	}
	orttest.Says(t, m.Free(), "freed before")
	_, err = m.Tensor(0, float, 1)
	orttest.Says(t, err, "tensor FLOAT[1]")
}

// bridge.go reads unexported fields of the binding. If another version changes them, this test fails instead of a
// crash.
func TestBindingLayout(t *testing.T) {
	dynamic := reflect.TypeFor[yalue.DynamicAdvancedSession]()
	if f := dynamic.Field(0); dynamic.NumField() != 1 || f.Type != reflect.TypeFor[*yalue.AdvancedSession]() {
		t.Errorf("DynamicAdvancedSession is %v", f)
	}
	f := reflect.TypeFor[yalue.AdvancedSession]().Field(0)
	if f.Name != "ortSession" || f.Type.Kind() != reflect.Pointer {
		t.Errorf("AdvancedSession begins with %v", f)
	}
	binding := reflect.TypeFor[yalue.IoBinding]()
	if f := binding.Field(0); binding.NumField() != 1 || f.Name != "o" || f.Type.Kind() != reflect.Pointer {
		t.Errorf("IoBinding is %v", f)
	}
	value := reflect.TypeFor[yalue.ValueInternalData]()
	if f := value.Field(0); value.NumField() != 1 || f.Name != "ortValue" || f.Type.Kind() != reflect.Pointer {
		t.Errorf("ValueInternalData is %v", f)
	}
}
