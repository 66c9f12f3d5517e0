// Package vit writes RETFound's vision transformer as an ONNX graph: models_vit.py of RETFound_MAE on timm's
// VisionTransformer. It has pre-norm blocks with exact GELU, LayerNorm epsilon 1e-6, a class token and learned position
// embeddings. It ends with either the mean of the patch tokens and fc_norm, or norm and the class token. DINOv2's
// variant has a LayerScale behind both branches of a block.
//
// Parameters have their PyTorch names and shapes, so that a state_dict and the graph name the same tensors.
package vit
