package vit

import (
	"strconv"
	"strings"
)

// Layer returns the layer of a parameter of a model with depth blocks, by its PyTorch name: 0 for the embeddings, b+1
// for block b, depth+1 for all else, which is the final norm and the head (RETFound util/lr_decay.py, after BEiT).
func Layer(name string, depth int) int {
	stem, _, _ := strings.Cut(name, ".")
	switch stem {
	case "cls_token", "reg_token", "pos_embed", "patch_embed", "norm_pre":
		return 0
	}
	if rest, ok := strings.CutPrefix(name, "blocks."); ok {
		number, _, _ := strings.Cut(rest, ".")
		if b, err := strconv.Atoi(number); err == nil && 0 <= b && b < depth {
			return b + 1
		}
	}
	return depth + 1
}

// Decays reports whether weight decay applies to a parameter: not to biases, norms and other parameters of at most one
// dimension, and not to the position embedding and the class, register and distillation tokens (timm's
// no_weight_decay).
func Decays(name string, shape []int64) bool {
	switch name {
	case "pos_embed", "cls_token", "reg_token", "dist_token":
		return false
	}
	return len(shape) > 1
}
