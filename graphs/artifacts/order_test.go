package artifacts_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/graphs/graphtest"
	"fovea/graphs/vit"
	"fovea/onnx/ort"
)

// TestWeightGradientsRunEarly reads from the runtime's profile in what order it
// runs training.onnx: the weight gradients of a block must be done before those
// of the block below it begin, with that block's backward pass in between.
// If they all ran last, every activation would be kept until then.
func TestWeightGradientsRunEarly(t *testing.T) {
	c := vit.Config{ImageSize: 28, Patch: 7, Width: 32, Depth: 4, Heads: 2, Classes: 3, Pool: vit.Mean}
	g, err := artifacts.Training(artifacts.ViT(c), 2, artifacts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := graphtest.Open(t, g, ort.Options{Profile: filepath.Join(t.TempDir(), "order")})
	s.Run(func(string, []float32) {})
	text, err := os.ReadFile(s.EndProfile())
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name string `json:"name"`
		Cat  string `json:"cat"`
	}
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatal(err)
	}
	var nodes []string
	for _, e := range events {
		if name, ok := strings.CutSuffix(e.Name, "_kernel_time"); ok && e.Cat == "Node" {
			nodes = append(nodes, name)
		}
	}
	at := func(block int, layer string) int {
		i := slices.Index(nodes, artifacts.Grad(fmt.Sprintf("blocks.%d.%s.weight", block, layer)))
		if i < 0 {
			t.Fatalf("the profile does not show the weight gradient of %s in block %d", layer, block)
		}
		return i
	}
	for block := c.Depth - 1; block > 0; block-- {
		if last, next := at(block, "attn.qkv"), at(block-1, "mlp.fc2"); next-last < 2 {
			t.Errorf("block %d's last weight gradient is node %d, block %d's first is %d", block, last, block-1, next)
		}
		if first, last := at(block, "mlp.fc2"), at(block, "attn.qkv"); last-first < 20 {
			t.Errorf("the weight gradients of block %d are nodes %d to %d: they wait for each other", block, first, last)
		}
	}
}
