package imported

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"fovea/onnx"
)

// TestLongChain: a chain of 2,000 nodes is differentiated and written in seconds. With the runtime's optimisation of
// the result it took over ten.
func TestLongChain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const nodes = 2000
	b := newModel(17, 8)
	b.input("v0", float, 1, 4)
	for i := range nodes {
		b.node("Tanh", fmt.Sprintf("v%d -> v%d", i, i+1), nil)
	}
	b.outputs(fmt.Sprintf("v%d", nodes))
	start := time.Now()
	f := open(t, b.file(t, onnx.SaveOptions{}))
	g, err := f.Differentiate()
	if err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(t.TempDir(), "gradient.onnx"), g); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
