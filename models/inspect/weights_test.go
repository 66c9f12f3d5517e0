package inspect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

const checkpoints = "../pretrained/testdata"

// TestWeights reads checkpoints that PyTorch and PaddlePaddle wrote.
func TestWeights(t *testing.T) {
	mae := filepath.Join(t.TempDir(), "mae.pth")
	if err := os.WriteFile(mae, graphtest.Unzip(t, filepath.Join(checkpoints, "mae_float16_zip.pth.gz")),
		0o644); err != nil {
		t.Fatal(err)
	}
	for path, lines := range map[string][]string{
		mae: {"mae.pth: PyTorch, ", "398 float16", "model.decoder_blocks     96 ", "patch = 2, width = 2, depth = 24",
			"backbone 292 of 292 parameters; layout timm; dict model; new 2 of fc_norm, 2 of head; unexpected mask_token, decoder_pos_embed",
			"as -model       no: it holds a Vision Transformer of width 2 with 24 blocks",
			"\nmodel.cls_token float16[1,1,2]\n"},
		filepath.Join(checkpoints, "teacher.pth"): {"vit_small_patch14_dinov2",
			"dict teacher.backbone; new 2 of head; unexpected dino_head, ibot_head"},
		filepath.Join(checkpoints, "vit.pdparams"): {"pickle of PyTorch before 1.6 or of PaddlePaddle",
			"linear weights PaddlePaddle's, transposed"},
		filepath.Join(checkpoints, "resize.safetensors"): {": safetensors, 51.1 kB\n", "11 float64",
			"no Vision Transformer that a config can describe"},
	} {
		got := text(t, open(t, path), true)
		for _, line := range lines {
			if !strings.Contains(got, line) {
				t.Errorf("%s: no %q in\n%s", path, line, got)
			}
		}
	}
}

// TestArchitectures: of a file that has the parameters of a named architecture, at another image size, that name is
// told and no other, and an index is read.
func TestArchitectures(t *testing.T) {
	d := vit.Architecture("vit_tiny_patch16")
	c := vit.Config{ImageSize: 96, Patch: int64(d.Patch), Width: int64(d.Width), Depth: d.Depth, Classes: 3,
		Pool: vit.Class}
	var tensors []weights.Tensor
	elements := int64(0)
	for _, p := range c.Parameters() {
		n := int64(1)
		for _, k := range p.Shape {
			n *= k
		}
		elements += n
		tensors = append(tensors, weights.Tensor{Name: p.Name, Type: pb.TensorProto_FLOAT16, Shape: p.Shape,
			Data: make([]byte, 2*n)})
	}
	dir := t.TempDir()
	if err := weights.Write(filepath.Join(dir, "part.safetensors"), tensors,
		map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	var index strings.Builder
	for i, x := range tensors {
		index.WriteString(map[bool]string{true: `{"weight_map": {`,
			false: ", "}[i == 0] + `"` + x.Name + `": "part.safetensors"`)
	}
	index.WriteString("}}")
	path := filepath.Join(dir, "model.safetensors.index.json")
	if err := os.WriteFile(path, []byte(index.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(dir, "part.safetensors")} {
		w := open(t, path).Weights
		if len(w.Architectures) != 1 || w.Architectures[0].Settings != `arch = "vit_tiny_patch16"` {
			t.Errorf("%s: %v", path, w.Architectures)
		}
		if w.Total != (Tally{len(tensors), elements, 2 * elements}) {
			t.Errorf("%s: in all %v, want %d elements", path, w.Total, elements)
		}
		first := Prefix{"blocks.0", Tally{12, 444864, 2 * 444864}} // timm's vit_tiny_patch16_224 has as many in a block
		if len(w.Prefixes) > mostPrefixes || !slices.Contains(w.Prefixes, first) {
			t.Errorf("%s: %v", path, w.Prefixes)
		}
	}
}
