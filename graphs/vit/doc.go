// Package vit writes RETFound's vision transformer as an ONNX graph:
// models_vit.py of RETFound_MAE on timm's VisionTransformer, pre-norm blocks
// with exact GELU, LayerNorm epsilon 1e-6, a class token, learned position
// embeddings, and either the mean of the patch tokens with fc_norm or the
// class token with norm. DINOv2's variant has a LayerScale behind both branches
// of a block.
//
// Parameters carry their PyTorch names and shapes, so that a state_dict and
// the graph speak of the same tensors.
package vit
