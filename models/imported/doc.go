// Package imported works with ONNX models that other programs wrote: it opens a
// model file, writes its vector-Jacobian product as a model, compares gradients
// with finite differences, and makes a classifier one for other classes that can
// be trained. ONNX Runtime must be loaded.
package imported
