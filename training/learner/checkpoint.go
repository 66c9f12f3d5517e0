package learner

import (
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training/optim"
)

// Checkpoint calls use with what a checkpoint holds: the parameters that would be deployed, and all else that a step
// changes. With write, what use writes into the tensors is kept.
func (l *Learner) Checkpoint(write bool, use func(parameters, optimizer []weights.Tensor) error) error {
	layout := l.settings.Layout
	arenas := []*ort.Memory{l.deployed(), l.moment1, l.moment2}
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
