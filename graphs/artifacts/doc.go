// Package artifacts turns a model into the files that a trainer runs. training.onnx holds the forward graph, the
// soft-target loss in float32 and, by autodiff, every gradient. eval.onnx holds the forward graph alone.
// artifacts.json lists names, shapes and layers.
//
// A linear probe runs two graphs of its own, see probe.go.
//
// Parameters are inputs of these graphs and have their PyTorch names. See training.go for the inputs and outputs of
// each graph.
package artifacts
