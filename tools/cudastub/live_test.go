package cudastub

import (
	"strconv"
	"strings"
	"testing"

	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// TestCUDALive proves that a session gives back all that it takes of the GPU, and that a GPU with too little memory
// refuses it.
func TestCUDALive(t *testing.T) {
	Run(t, func(t *testing.T) {
		const float = pb.TensorProto_FLOAT
		inputs := []*pb.ValueInfoProto{tensor("x", float, 256, 256), tensor("w", float, 256, 256)}
		m := model(t, inputs, tensor("y", float, 256, 256), node("MatMul", "x w", "a"), node("Add", "a w", "y"))
		session := func() error {
			s, err := ort.NewSession(m, ort.Options{Provider: "cuda"})
			if err != nil {
				return err
			}
			defer s.Close()
			for _, name := range []string{"x", "w", "y"} {
				x, err := ort.NewTensor(float, 256, 256)
				if err != nil {
					return err
				}
				defer x.Close()
				if err := s.Bind(name, x); err != nil {
					return err
				}
			}
			before := Live(t)
			err = s.Run()
			t.Logf("before the run %+v, after it %+v", before, Live(t))
			return err
		}
		before := Live(t)
		for range 2 {
			if err := session(); err != nil {
				t.Fatal(err)
			}
			if after := Live(t); after != before {
				t.Errorf("live: %+v, before %+v", after, before)
			}
		}
		t.Setenv("FOVEA_CUDA_STUB_MEMORY", strconv.Itoa(100_000))
		if err := session(); err == nil || !strings.Contains(err.Error(), "memory") {
			t.Errorf("with 100 kB: %v", err)
		} else {
			t.Log(err)
		}
	})
}
