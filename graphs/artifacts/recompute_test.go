package artifacts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/artifacts"
	"fovea/internal/graphtest"
	"fovea/onnx/ort"
)

// TestRecomputeChangesNothing: loss, logits and gradients are the same to the bit, with LayerScale, dropped paths,
// mixed targets and frozen layers too.
func TestRecomputeChangesNothing(t *testing.T) {
	for _, name := range []string{"vit_tiny_mean_twice", "vit_tiny_cls", "vit_tiny_dinov2",
		"vit_form_registers", "vit_form_dinov3_plus", "vit_form_giant", "vit_form_clip", "vit_form_mirage"} {
		for _, frozen := range [][]string{nil, {"cls_token", "pos_embed", "patch_embed", "blocks.0."}} {
			t.Run(fmt.Sprintf("%s without %v", name, frozen), func(t *testing.T) {
				c := readGolden(t, name)
				o := artifacts.Options{Frozen: map[string]bool{}}
				for _, p := range c.Config.vit().Parameters() {
					o.Frozen[p.Name] = slices.ContainsFunc(frozen,
						func(s string) bool { return strings.HasPrefix(p.Name, s) })
				}
				build := func(recompute bool) (map[string][]float32, int) {
					o.Recompute = recompute
					g, err := artifacts.Training(artifacts.ViT(c.Config.vit()), int64(c.Config.Batch), o)
					if err != nil {
						t.Fatal(err)
					}
					s := graphtest.Open(t, g, ort.Options{})
					return s.Run(c.fillFrom(t)), len(g.Nodes)
				}
				want, nodes := build(false)
				got, more := build(true)
				if more < nodes+20 {
					t.Errorf("%d nodes became %d: nothing is computed again", nodes, more)
				}
				if len(got) != len(want) {
					t.Errorf("%d outputs became %d", len(want), len(got))
				}
				for output := range want {
					if !slices.Equal(got[output], want[output]) {
						t.Errorf("%s differs", output)
					}
				}
			})
		}
	}
}
