package optim

import (
	"math"
	"strconv"
	"strings"
)

// Decay sets the learning rate and the weight decay of each parameter of a model, relative to the schedule (RETFound
// util/lr_decay.py, after BEiT).
type Decay struct {
	// Layer is the factor between the learning rates of neighbouring layers, 0.65 in RETFound; 1 gives every layer the
	// same rate. That of the highest layer, the head's, is the schedule's.
	Layer float64
	// Weight is the weight decay of the parameters that it applies to.
	Weight float64
}

// lrScale returns Layer to the power of the number of layers above the parameter. It is 1 for the head, which is the
// highest layer.
func (d Decay) lrScale(t Tensor, highest int) float64 {
	return math.Pow(d.Layer, float64(highest-t.Layer))
}

// weightDecay returns the weight decay of a parameter.
func (d Decay) weightDecay(t Tensor) float64 {
	if t.Decay {
		return d.Weight
	}
	return 0
}

// OfViT returns the description of a parameter of a vision transformer with depth blocks, from its PyTorch name. Its
// head is layer depth+1.
func OfViT(name string, shape []int64, depth int) Tensor {
	return Tensor{Name: name, Shape: shape, Layer: LayerID(name, depth), Decay: Decays(name, shape)}
}

// LayerID returns the layer of a parameter of a vision transformer with depth blocks, from its PyTorch name: 0 for the
// embeddings, b+1 for block b, depth+1 for all others (final norm, head).
func LayerID(name string, depth int) int {
	if name == "cls_token" || name == "pos_embed" || strings.HasPrefix(name, "patch_embed") {
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

// Decays reports whether weight decay applies to a parameter of a vision transformer. It does not apply to biases,
// norms and other parameters of at most one dimension, nor to the position embedding and the class and distillation
// tokens (timm's no_weight_decay).
func Decays(name string, shape []int64) bool {
	switch name {
	case "pos_embed", "cls_token", "dist_token":
		return false
	}
	return len(shape) > 1
}

// A Group is a range of an arena, elements Start to End-1, whose parameters share a learning-rate scale and a weight
// decay. It starts and ends at multiples of 16 and includes the zeros between its parameters.
type Group struct {
	Start, End           int
	LRScale, WeightDecay float64
}

// Groups returns the ranges that cover the parameters that are not frozen, in order. Each is as long as the values of
// its neighbours allow.
func (l Layout) Groups() []Group {
	var groups []Group
	for _, p := range l.Params {
		if p.Frozen {
			continue
		}
		end := alignUp(p.Offset + p.Size)
		if n := len(groups); n > 0 && groups[n-1].End == p.Offset && groups[n-1].LRScale == p.LRScale &&
			groups[n-1].WeightDecay == p.WeightDecay {
			groups[n-1].End = end
			continue
		}
		groups = append(groups, Group{p.Offset, end, p.LRScale, p.WeightDecay})
	}
	return groups
}
