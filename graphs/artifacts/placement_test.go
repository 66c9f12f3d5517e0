package artifacts_test

import (
	"strings"
	"testing"

	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/tools/cudastub"
)

// TestPlacedOnCUDA: with the real CUDA provider over stand-in libraries, every node of every shipped size's graphs
// lands on the GPU and nothing is copied between devices. It says nothing about numbers.
func TestPlacedOnCUDA(t *testing.T) {
	cudastub.Run(t, func(t *testing.T) {
		sizes := map[string]vit.Config{
			"retinamnist": {ImageSize: 28, Patch: 7, Width: 128, Depth: 4, Heads: 4, Classes: 5, Pool: vit.Mean},
			"vit_tiny_patch16": {ImageSize: 224, Patch: 16, Width: 192, Depth: 12, Heads: 3, Classes: 5,
				Pool: vit.Mean},
			"vit_small_patch16": {ImageSize: 224, Patch: 16, Width: 384, Depth: 12, Heads: 6, Classes: 4,
				Pool: vit.Mean},
			"vit_base_patch16": {ImageSize: 224, Patch: 16, Width: 768, Depth: 12, Heads: 12, Classes: 39,
				Pool: vit.Class},
			"vit_large_patch16": {ImageSize: 224, Patch: 16, Width: 1024, Depth: 24, Heads: 16, Classes: 5,
				Pool: vit.Mean, FCNormTwice: true},
			"vit_small_patch14_dinov2": {ImageSize: 224, Patch: 14, Width: 384, Depth: 12, Heads: 6, Classes: 5,
				Pool: vit.Class, Form: vit.Form{LayerScale: true}},
			"vit_base_patch14_dinov2": {ImageSize: 518, Patch: 14, Width: 768, Depth: 12, Heads: 12, Classes: 5,
				Pool: vit.Mean, Form: vit.Form{LayerScale: true}},
			"vit_large_patch14_dinov2": {ImageSize: 224, Patch: 14, Width: 1024, Depth: 24, Heads: 16, Classes: 5,
				Pool: vit.Class, Form: vit.Form{LayerScale: true}},
		}
		for _, name := range goldenNames(t) {
			if strings.HasPrefix(name, "vit_form_") {
				sizes[name] = readGolden(t, name).Config.vit()
			}
		}
		for name, c := range sizes {
			t.Run(name, func(t *testing.T) {
				m := artifacts.ViT(c)
				types := []pb.TensorProto_DataType{graphs.Float32, graphs.BFloat16, graphs.Float16}
				switch name {
				case "vit_small_patch16", "vit_base_patch14_dinov2",
					"vit_large_patch14_dinov2": // as others, but for sizes
					types = types[:1]
				}
				if strings.HasPrefix(name, "vit_form_") || name == "vit_large_patch16" {
					types = types[1:2]
				}
				for _, half := range types {
					check(t, half, func() (*graphs.Graph, error) {
						return artifacts.Training(m, 16, artifacts.Options{})
					})
					check(t, half, func() (*graphs.Graph, error) {
						return artifacts.Training(m, 16, artifacts.Options{Recompute: true})
					})
					check(t, half, func() (*graphs.Graph, error) { return artifacts.Eval(m, 16) })
					check(t, half, func() (*graphs.Graph, error) { return artifacts.Backbone(m, 16) })
					check(t, half, func() (*graphs.Graph, error) {
						return artifacts.Probe(m, 16, artifacts.Options{Focal: 2})
					})
					check(t, half, func() (*graphs.Graph, error) { return artifacts.ProbeEval(m, 16) })
				}
			})
		}
	})
}

func check(t *testing.T, half pb.TensorProto_DataType, build func() (*graphs.Graph, error)) {
	t.Helper()
	g, err := build()
	if err != nil {
		t.Fatal(err)
	}
	g.Mix(half)
	model, err := g.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := ort.CheckPlacement(model); err != nil {
		t.Errorf("%s, %s: %v", g.Name, half, err)
	}
}
