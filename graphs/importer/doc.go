// Package importer makes graphs of ONNX models that other programs wrote, opset 7 to 28.
//
// The types and shapes of all values must be known before a graph can be differentiated. The package does not infer
// them. Instead, the caller runs the model once with every value as an output and hands over the results, the trace:
//
//	source, err := importer.Read(model, importer.Sizes{Batch: 2})
//	trace := run(source.Observed())
//	again, err := source.Decide(trace) // true: run once more
//	imported, err := source.Import(trace, importer.Options{})
//
// The graph has the form that the rules of package autodiff expect, that of opset 20, whatever the version of the
// model. Functions are expanded. Constant nodes and initializers are constants. Chains of Identity become one value,
// and so does a parameter that two layers share. Values that depend on shapes alone become the constants that the trace
// saw. The same holds for the branches of an If. Loops with a known number of steps are unrolled.
//
// Import refuses models that cannot be differentiated in this way, with the node's name and the reason: other control
// flow, quantised and half-precision models, random operators, sequences, and shapes that depend on the contents of the
// inputs.
package importer
