package checkpoint

import (
	"path/filepath"
	"strconv"
	"testing"

	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// large is a checkpoint of 300 MB, a third of it parameters: ViT-S/16's.
func large() (c Checkpoint, size int64) {
	data := make([]byte, 384*1536*4)
	for i := range 43 {
		for j, list := range []*[]weights.Tensor{&c.Parameters, &c.Optimizer, &c.Optimizer} {
			name := strconv.Itoa(i) + "." + strconv.Itoa(j)
			tensor := weights.Tensor{Name: name, Type: pb.TensorProto_FLOAT, Shape: []int64{384, 1536}, Data: data}
			*list = append(*list, tensor)
			size += int64(len(data))
		}
	}
	c.State = []byte(`{"epoch": 1}`)
	return c, size
}

func BenchmarkWrite(b *testing.B) {
	c, size := large()
	dir := filepath.Join(b.TempDir(), "last")
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(dir, c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead verifies the checkpoint and copies its tensors out.
func BenchmarkRead(b *testing.B) {
	c, size := large()
	dir := filepath.Join(b.TempDir(), "last")
	if err := Write(dir, c); err != nil {
		b.Fatal(err)
	}
	into := make([]byte, size)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		c, err := Read(dir)
		if err != nil {
			b.Fatal(err)
		}
		at := 0
		for _, x := range append(c.Parameters, c.Optimizer...) {
			at += copy(into[at:], x.Data)
		}
		c.Close()
	}
}
