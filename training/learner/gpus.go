package learner

import (
	"errors"

	"fovea/onnx/cuda"
	"fovea/onnx/ort"
	"fovea/training/optim"
	"fovea/training/optim/gpu"
)

// With several GPUs, one of each process, all that is trained is one bucket. NCCL wants pieces of one length, so the
// arenas have some more elements, which stay zero. All work goes through the stream of the session, in order: collectives
// are no part of a CUDA graph.

// piecesOfGPUs returns the pieces of a process with a GPU.
func piecesOfGPUs(s Settings) pieces {
	from, length, size := s.Layout.TrainedFrom(), gpu.Piece(s.Layout, s.Group.Size()), s.Layout.Size
	start := from + s.Group.Rank()*length
	own := span{min(start, size), min(start+length, size)}
	if own.start == own.end {
		own = span{from, from} // more GPUs than chunks
	}
	return pieces{buckets: []span{{from, size}}, own: []span{own}, moments: []span{{0, own.end - own.start}},
		size: own.end - own.start, arena: from + length*s.Group.Size()}
}

// pieceOfGPU returns where the pieces of all GPUs begin, and the length of each.
func (s Settings) pieceOfGPU() (from, length int) {
	return s.Layout.TrainedFrom(), gpu.Piece(s.Layout, s.Group.Size())
}

// summed returns the micro-batches that this process adds up by itself. GPUs add them up to one sum. On CPUs there may be
// several, so that all together are the sum of one process.
func (s Settings) summed() optim.Share {
	if s.GPUs != nil {
		return optim.Whole(s.share().Len())
	}
	return s.share()
}

// shareOfGPU returns the part of the parameters that this process's GPU updates.
func shareOfGPU(s Settings, a *arenas) *gpu.Share {
	own := a.pieces.own[0]
	return &gpu.Share{Start: own.start, End: own.end,
		Sum: func(values *cuda.Memory) error { return s.GPUs.AddFloat64(a.device.Compute, values) },
		Gather: func() error {
			from, length := s.pieceOfGPU()
			return s.GPUs.AllGather(a.device.Compute, a.parameters.Device(), from, length)
		}}
}

func (o *kernelOptimizer) reduce(span) error {
	sum := o.Sum()
	var err error
	if n := o.settings.share().Len(); n > 0 {
		err = o.Accumulate(n - 1)
	} else {
		err = o.stream.Zero(sum, 0, sum.Size())
	}
	if err != nil {
		return err
	}
	from, length := o.settings.pieceOfGPU()
	return o.settings.GPUs.ReduceScatter(o.stream, sum, from, length)
}

// collectFromGPUs brings moments to whole, in the first process. The arena of gradients, which is free between two steps,
// takes them on the way.
func (l *Learner) collectFromGPUs(whole, own *ort.Memory) error {
	at, stream, gradients := l.pieces.own[0], l.device.Compute, l.gradients.Device()
	from, length := l.settings.pieceOfGPU()
	err := errors.Join(stream.Copy(gradients, 4*at.start, own.Device(), 0, 4*(at.end-at.start)),
		l.settings.GPUs.AllGather(stream, gradients, from, length))
	if err != nil || l.settings.Group.Rank() > 0 {
		return err
	}
	return stream.Download(whole.Bytes(), gradients, 0)
}

// scatterToGPUs gives each process its own of the moments in whole, which the first has, by way of the gradients.
func (l *Learner) scatterToGPUs(whole, own *ort.Memory) error {
	at, stream, gradients := l.pieces.own[0], l.device.Compute, l.gradients.Device()
	if l.settings.Group.Rank() == 0 {
		if err := stream.Upload(gradients, 0, whole.Bytes()); err != nil {
			return err
		}
	}
	return errors.Join(l.settings.GPUs.Broadcast(stream, gradients),
		stream.Copy(own.Device(), 0, gradients, 4*at.start, 4*(at.end-at.start)))
}
