// Package ort runs ONNX models on the stock ONNX Runtime, over memory that Go
// owns. It is the only package that knows the runtime.
//
// # The library
//
// [Load] finds ONNX Runtime, or fetches it once, and initialises it. The search
// order is: the path that the caller or the environment variable FOVEA_ORT
// names; the cache that [Install] fills; an installed Python package
// onnxruntime; the system's library folders. Only then is it fetched, with the
// Go command or with pip, and compared with a SHA-256 written in this package.
// ONNX Runtime 1.26 and newer will do. A process uses one library, once.
//
// # GPUs
//
// A build for NVIDIA GPUs is used where [Source] asks for one. [InstallGPU] puts
// it into the cache, with the libraries of NVIDIA's that its CUDA provider is
// linked against. They are opened before the provider is, from the folders of
// LD_LIBRARY_PATH, the cache, Python's packages or the system, so that the loader
// finds them wherever they lie. [CheckCUDA] says whether all that works.
//
// # Memory
//
// The runtime reads inputs and writes outputs in place, between calls and from
// threads of its own, so tensors lie in [Memory] that the garbage collector
// neither moves nor frees. A [Tensor] is a typed view of a part of it. Both
// need no library to be loaded.
//
// # Sessions
//
// A [Session] is a model made ready to run. [Session.Bind] gives each input and
// output its tensor, [Session.Run] computes. Nothing is copied on the CPU: a
// value written into an input's memory is seen by the next Run, and outputs lie
// in their memory afterwards. An output may share its memory with an input
// where the model allows it, as an elementwise update does.
//
// Sessions, tensors and memory are not collected by themselves: call Close and
// Free. A session is for one goroutine at a time; several sessions may run at once.
package ort
