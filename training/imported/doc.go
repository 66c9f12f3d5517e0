// Package imported works with the gradients of ONNX models that other programs
// wrote: it opens a model file, writes its vector-Jacobian product as a model,
// and compares gradients with finite differences. ONNX Runtime must be loaded.
package imported
