package learner

import (
	"errors"

	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training/optim"
)

// Checkpoint calls use with what a checkpoint holds: the parameters that would be deployed, and all else that a step
// changes. With write, what use writes into the tensors is kept. All processes call it, and use is called in the first:
// it has the moments of all, or passes on what it writes.
func (l *Learner) Checkpoint(write bool, use func(parameters, optimizer []weights.Tensor) error) (err error) {
	moments := []*ort.Memory{l.moment1, l.moment2}
	first := true
	if group := l.settings.Group; l.settings.processes() > 1 {
		first = group.Rank() == 0
		for i, own := range moments {
			if moments[i], err = l.device.AllocateFloat32(l.settings.Layout.Size); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, moments[i].Free()) }()
			if !write {
				if err := l.movePieces(group.Collect, moments[i], own); err != nil {
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
	return errors.Join(l.movePieces(l.settings.Group.Scatter, moments[0], l.moment1),
		l.movePieces(l.settings.Group.Scatter, moments[1], l.moment2), l.Distribute())
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
	return l.device.Exchange(arenas, !write, write, func(contents []*ort.Memory) error {
		var optimizer []weights.Tensor
		for _, moment := range [][]weights.Tensor{Tensors(layout, contents[1], ".exp_avg"),
			Tensors(layout, contents[2], ".exp_avg_sq")} {
			for i, t := range moment {
				if !layout.Params[i].Frozen {
					optimizer = append(optimizer, t)
				}
			}
		}
		if l.average != nil {
			optimizer = append(optimizer, Tensors(layout, contents[3], ".trained")...)
		}
		return use(Tensors(layout, contents[0], ""), optimizer)
	})
}

// Tensors returns an arena's parameters, in place, with a suffix to their names.
func Tensors(layout optim.Layout, arena *ort.Memory, suffix string) []weights.Tensor {
	out := make([]weights.Tensor, len(layout.Params))
	for i, t := range layout.Params {
		out[i] = weights.Tensor{Name: t.Name + suffix, Type: pb.TensorProto_FLOAT, Shape: t.Shape,
			Data: arena.Bytes()[4*t.Offset : 4*(t.Offset+t.Size)]}
	}
	return out
}
