// Package inspect reports the contents of a model file or a weight file.
//
// [Open] reads the structure and needs nothing but the file. [Report.Measure] runs a model once to learn the shapes of
// its values at a batch size, and counts multiply-adds and memory. It also differentiates the model, to find out
// whether it can be trained and what that keeps in memory. ONNX Runtime must be loaded for it. The report of a model
// that cannot be run or differentiated has the structure and the reason. [Report.DOT] draws a model.
//
// A parameter is a stored tensor of floating-point numbers with more than one element, in an initializer or a Constant
// node. Tensors that only decide the shape of a Resize do not count.
package inspect
