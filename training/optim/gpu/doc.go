// Package gpu does the work of package optim on arenas in a GPU's memory, with the same bits: the sum of micro-batches,
// the norm and clipping of the gradient, AdamW, and the moving average of the parameters.
//
// It is a package of its own because it needs the driver. optim stays plain Go over slices for training on the CPU.
//
// kernels.cu holds the kernels. This command makes kernels.ptx of it
//
//	python3 tools/kernels/build.py
//
// for GPUs from Pascal on (compute capability 6.0). The driver compiles it for the GPU at hand; every driver since CUDA
// 10.0 (410) reads its PTX ISA, 6.3.
//
// Methods of an [Optimizer] queue work and return. One step, with page-locked memory status of [StatusBytes]:
//
//	o.Accumulate(micro) // behind each micro-batch, from 0
//	o.Update(step, rate, divisor, clip, skip)
//	o.Download(status)
//	stream.Synchronize() // or an event
//	s := gpu.ReadStatus(status)
package gpu
