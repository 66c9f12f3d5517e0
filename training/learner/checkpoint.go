package learner

import (
	"errors"
	"slices"

	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training/optim"
)

// Checkpoint calls use with what a checkpoint holds: the parameters that would be deployed, all or those that are trained,
// and all else that a step changes. With write, what use writes into the tensors is kept. All processes call it, and use
// is called in the first: it has the moments of all, or passes on what it writes.
func (l *Learner) Checkpoint(write bool, use func(parameters, optimizer []weights.Tensor) error) (err error) {
	moments := []*ort.Memory{l.moment1, l.moment2}
	first := true
	if group := l.settings.Group; l.settings.processes() > 1 {
		first = group.Rank() == 0
		for i, own := range moments {
			if moments[i], err = ort.Allocate(4 * l.settings.Layout.Size); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, moments[i].Free()) }()
			if !write {
				if err := l.collect(moments[i], own); err != nil {
					return err
				}
			}
		}
	}
	if first {
		if err := l.useCheckpoint(write, moments, use); err != nil {
			return err
		}
	}
	if l.settings.processes() == 1 || !write {
		return nil
	}
	// Once a rank is lost, each call says so: one message is enough.
	if err := l.scatter(moments[0], l.moment1); err != nil {
		return err
	}
	if err := l.scatter(moments[1], l.moment2); err != nil {
		return err
	}
	return l.Distribute()
}

// collect brings the moments of all processes to whole, in the first.
func (l *Learner) collect(whole, own *ort.Memory) error {
	if l.settings.GPUs != nil {
		return l.collectFromGPUs(whole, own)
	}
	return l.movePieces(l.settings.Group.Collect, whole, own)
}

// scatter gives each process its own of the moments in whole, which the first has.
func (l *Learner) scatter(whole, own *ort.Memory) error {
	if l.settings.GPUs != nil {
		return l.scatterToGPUs(whole, own)
	}
	return l.movePieces(l.settings.Group.Scatter, whole, own)
}

// movePieces moves each piece of an arena of moments between this process and whole, the arena of all of them in the
// first.
func (l *Learner) movePieces(move func(whole, piece []float32, n int) error, whole, own *ort.Memory) error {
	for i, b := range l.pieces.buckets {
		if err := move(b.of(whole.Float32()), l.pieces.moments[i].of(own.Float32()), b.end-b.start); err != nil {
			return err
		}
	}
	return nil
}

func (l *Learner) useCheckpoint(write bool, moments []*ort.Memory,
	use func(parameters, optimizer []weights.Tensor) error) error {
	layout := l.settings.Layout
	arenas := append([]*ort.Memory{l.deployed()}, moments...)
	if l.average != nil {
		arenas = append(arenas, l.parameters)
	}
	alone := l.settings.TrainedAlone
	kept := func(p optim.Param) bool { return !alone || !p.Frozen }
	trained := func(p optim.Param) bool { return !p.Frozen }
	return l.device.Exchange(arenas, !write || alone, write, func(contents []*ort.Memory) error {
		optimizer := slices.Concat(tensors(layout, contents[1], ".exp_avg", trained),
			tensors(layout, contents[2], ".exp_avg_sq", trained))
		if l.average != nil {
			optimizer = append(optimizer, tensors(layout, contents[3], ".trained", kept)...)
		}
		return use(tensors(layout, contents[0], "", kept), optimizer)
	})
}

// Tensors returns an arena's parameters, in place.
func Tensors(layout optim.Layout, arena *ort.Memory) []weights.Tensor {
	return tensors(layout, arena, "", func(optim.Param) bool { return true })
}

// tensors returns those parameters of an arena that are chosen, in place, with a suffix to their names.
func tensors(layout optim.Layout, arena *ort.Memory, suffix string, choose func(optim.Param) bool) (
	out []weights.Tensor) {
	for _, t := range layout.Params {
		if choose(t) {
			out = append(out, weights.Tensor{Name: t.Name + suffix, Type: pb.TensorProto_FLOAT, Shape: t.Shape,
				Data: arena.Bytes()[4*t.Offset : 4*(t.Offset+t.Size)]})
		}
	}
	return out
}
