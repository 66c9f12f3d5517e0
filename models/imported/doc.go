// Package imported works with ONNX models that other programs wrote. It opens a model file, writes its vector-Jacobian
// product as a model, compares gradients with finite differences, and turns a classifier into one for other classes
// that can be trained. ONNX Runtime must be loaded.
package imported
