// Package gpu does the passes of package optim over arenas in a GPU's memory, with its bits: the sum of micro-batches,
// the norm and clipping of the gradient, AdamW, and the moving average of the parameters.
//
// It is a package of its own because optim is plain Go over slices, and stays so for who trains on the CPU; this one
// needs the driver.
//
// The kernels are kernels.cu. kernels.ptx is made of it by
//
//	python3 tools/kernels/build.py
//
// for GPUs from Turing on (compute capability 7.5); the driver compiles it for the GPU at hand. It reads PTX ISA 6.3
// and newer, as every driver since CUDA 10.0 does (410).
//
// Methods of an [Optimizer] queue work and return. One step, with page-locked memory status of [StatusBytes]:
//
//	o.Accumulate(micro) // behind each micro-batch, from 0
//	o.Update(step, rate, divisor, clip, skip)
//	o.Download(status)
//	stream.Synchronize() // or an event
//	s := gpu.ReadStatus(status)
package gpu
