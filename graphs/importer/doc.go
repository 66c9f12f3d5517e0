// Package importer makes graphs of ONNX models that other programs wrote,
// opset 7 to 25.
//
// The types and shapes of all values must be known before a graph can be
// differentiated. They are not inferred here: the caller runs the model once
// with every value as an output and hands over what came out, the trace:
//
//	source, err := importer.Read(model, importer.Sizes{Batch: 2})
//	trace := run(source.Observed())
//	again, err := source.Decide(trace) // true: run once more
//	imported, err := source.Import(trace, importer.Options{})
//
// The result is written in the one form that the rules of package autodiff
// know, opset 20's, whatever the version of the model: functions are expanded,
// Constant nodes and initializers are constants, Identity chains are one value
// (a parameter that two layers share is one value too), and what depends on
// shapes alone is folded to the constants that the trace saw, branches of an If
// too, and loops with a known number of steps are unrolled.
//
// What cannot be differentiated so is refused, with the node's name and the
// reason: other control flow, quantised and half-precision models, random operators,
// sequences, shapes that depend on what the inputs contain.
package importer
