// Package artifacts turns a model into what a trainer runs: the forward graph,
// the soft-target loss in float32 and, by autodiff, every gradient in
// training.onnx; the forward graph alone in eval.onnx; one AdamW step in
// optimizer.onnx; and artifacts.json, which lists names, shapes and layers.
//
// A linear probe runs two graphs of its own, see probe.go.
//
// Parameters are inputs of these graphs and carry their PyTorch names. See
// training.go for the inputs and outputs of each graph.
package artifacts
