// Package ort runs ONNX models on the stock ONNX Runtime, over memory that Go owns. Only this package calls the
// runtime.
//
// # The library
//
// Package [fovea/onnx/ort/install] finds or fetches ONNX Runtime and opens it with [Open]. ONNX Runtime 1.26 and newer
// will do. A process uses one library, once. Memory and tensors need no library.
//
// # Memory
//
// The runtime reads inputs and writes outputs in place, between calls and from threads of its own. So tensors lie in
// [Memory] that the garbage collector neither moves nor frees. A [Tensor] is a typed view of a part of it.
//
// # Sessions
//
// A [Session] is a model made ready to run. [Session.Bind] gives each input and output its tensor, [Session.Run]
// computes. Nothing is copied on the CPU: the next Run sees a value written into an input's memory, and outputs lie in
// their memory afterwards. An output may share its memory with an input where the model allows it, as an elementwise
// update does.
//
// Sessions, tensors and memory are not collected by themselves: call Close and Free. A session is for one goroutine at
// a time; several sessions may run at once.
package ort
