package vit

import "testing"

func TestLayer(t *testing.T) {
	for name, want := range map[string]int{
		"cls_token": 0, "pos_embed": 0, "patch_embed.proj.bias": 0,
		"blocks.0.norm1.weight": 1, "blocks.11.mlp.fc2.bias": 12,
		"norm.weight": 13, "fc_norm.bias": 13, "head.weight": 13,
		"blocks.12.norm1.weight": 13, "blocks.x.weight": 13, "blocks": 13, "conv1.weight": 13,
	} {
		if got := Layer(name, 12); got != want {
			t.Errorf("Layer(%q, 12) = %d, want %d", name, got, want)
		}
	}
}

func TestDecays(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []int64
		want  bool
	}{
		{"head.weight", []int64{5, 8}, true},
		{"patch_embed.proj.weight", []int64{8, 3, 16, 16}, true},
		{"head.bias", []int64{5}, false},
		{"temperature", nil, false},
		{"pos_embed", []int64{1, 5, 8}, false},
		{"cls_token", []int64{1, 1, 8}, false},
		{"dist_token", []int64{1, 1, 8}, false},
	} {
		if got := Decays(c.name, c.shape); got != c.want {
			t.Errorf("Decays(%q, %v) = %v", c.name, c.shape, got)
		}
	}
}
