// Package cuda is the part of NVIDIA's driver API that training on a GPU needs: memory, copies, streams, events, and
// kernels from PTX.
//
// The library libcuda.so.1, which comes with the driver, is opened when it is first asked for; nothing of CUDA is
// needed to build a program or to run it on the CPU. [Devices] says what is there. [Open] uses a GPU by its primary
// context, which is the one that ONNX Runtime uses: addresses, streams and events of this package mean the same there.
//
// A [Stream] does its work behind the program's back. What it reads and writes must stay until the work is done, which
// [Stream.Synchronize] and [Event.Synchronize] wait for. Nothing is collected by itself: memory, streams, events and
// modules are given back once each, then the device.
//
// Methods may be called from any goroutine; giving something back while another goroutine uses it is the caller's
// mistake.
package cuda
