// Package cuda calls NVIDIA's driver for training on a GPU: memory, copies, streams, events, and kernels from PTX.
//
// The driver's library libcuda.so.1 is opened when it is first needed. Nothing of CUDA is needed to build a program or
// to run it on the CPU. [Devices] lists the GPUs. [Open] uses a GPU by its primary context, as ONNX Runtime does, so
// addresses, streams and events of this package mean the same there.
//
// A [Stream] works while the program goes on. Memory that it reads and writes must stay until the work is done, which
// [Stream.Synchronize] and [Event.Synchronize] wait for. Nothing is collected by itself: give back memory, streams,
// events and modules once each, then the device.
//
// Methods may be called from any goroutine. The caller must not give something back while another goroutine uses it.
package cuda
