package learner

import (
	"errors"

	"fovea/onnx/cuda"
	"fovea/training/optim/gpu"
)

// A kernelOptimizer runs kernels made for the GPU.
type kernelOptimizer struct {
	*gpu.Optimizer
	settings Settings
	stream   *cuda.Stream
	clip     float64
	status   *cuda.HostMemory // of the last update
}

func newKernelOptimizer(s Settings, a *arenas) (*kernelOptimizer, error) {
	on := gpu.Arenas{Parameters: a.parameters.Device(), Gradients: a.gradients.Device(),
		Moment1: a.moment1.Device(), Moment2: a.moment2.Device()}
	for _, m := range a.sums {
		on.Sums = append(on.Sums, m.Device())
	}
	if a.average != nil {
		on.Average = a.average.Device()
	}
	if s.GPUs != nil {
		on.Share = shareOfGPU(s, a)
	}
	status, err := a.device.AllocateHost(gpu.StatusBytes)
	if err != nil {
		return nil, err
	}
	o, err := gpu.New(a.device.Device, a.device.Compute, s.Layout, s.AdamW, s.EMA, s.share().Len(), on)
	if err != nil {
		return nil, errors.Join(err, status.Free())
	}
	return &kernelOptimizer{Optimizer: o, settings: s, stream: a.device.Compute, clip: s.Clip, status: status}, nil
}

func (o *kernelOptimizer) accumulate(micro int) error { return o.Accumulate(micro) }

func (o *kernelOptimizer) update(step int64, rate, divisor float64) error {
	return errors.Join(o.Update(step, rate, divisor, o.clip, true), o.Download(o.status.Bytes()))
}

func (o *kernelOptimizer) norm() float64 { return gpu.ReadStatus(o.status.Bytes()).Norm }

func (o *kernelOptimizer) close() error { return errors.Join(o.Close(), o.status.Free()) }
