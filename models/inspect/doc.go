// Package inspect tells what is in a model file or a weight file.
//
// [Open] reads the structure, which needs nothing but the file. [Report.Measure]
// runs a model once, to learn the shapes of its values at a batch size, counts
// multiply-adds and memory, and differentiates it, to tell whether it can be
// trained and what that keeps in memory; ONNX Runtime must be loaded. A model that
// cannot be run or differentiated keeps the structural part, with the reason.
//
// A parameter is a stored tensor of floating-point numbers with more than one
// element, whether an initializer or a Constant node, but for those that only
// decide the shape of a Resize.
package inspect
