// Package transfer makes a classifier that somebody exported as ONNX into one
// for other classes, ready to be trained: it finds the input for images and the
// layer that scores the classes, puts a new one into its place, and tells how
// deep in the model each parameter lies and whether it is learned at all.
//
//	model, err := transfer.TakeImages(model, 224)        // NCHW, of this size
//	source, trace := …                                   // see package importer
//	head, err := transfer.FindHead(source.Model(), trace, batch, "")
//	model, err = head.Replace(5)                         // images → logits [N,5]
//	graph, trace := …                                    // import that
//	parameters, err := transfer.Parameters(graph, …)
//
// Everything here works on models and graphs; running them is the caller's.
package transfer
