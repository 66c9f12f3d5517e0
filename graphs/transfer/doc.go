// Package transfer turns an ONNX classifier into one for other classes that is ready for training. It finds the input
// for images and the layer that scores the classes, and replaces that layer. For each parameter it determines how deep
// in the model it lies and whether it can be learned.
//
//	model, err := transfer.TakeImages(model, 224)        // NCHW, of this size
//	source, trace := …                                   // see package importer
//	head, err := transfer.FindHead(source.Model(), trace, batch, "")
//	model, err = head.Replace(5)                         // images → logits [N,5]
//	graph, trace := …                                    // import that
//	parameters, err := transfer.Parameters(graph, …)
//
// The package works on models and graphs only. Its caller runs them.
package transfer
