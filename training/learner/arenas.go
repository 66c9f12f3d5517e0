package learner

import (
	"errors"

	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/training/optim"
)

// arenas hold parameters, gradients and all that the optimizer keeps, in the machine's memory or on a GPU.
type arenas struct {
	device                                  *engine.Device
	parameters, gradients, moment1, moment2 *ort.Memory
	sums                                    []*ort.Memory // of gradients over micro-batches, see optim.Accumulate
	average                                 *ort.Memory   // moving average of the parameters; nil without one
	averaged                                int           // first element of it that is used
	pieces                                  pieces        // moments lie in its order
	allocated                               cleanup
}

func (a *arenas) allocate(s Settings, d *engine.Device) (err error) {
	a.device = d
	if s.TrainedAlone {
		a.averaged = s.Layout.TrainedFrom()
	}
	a.pieces = newPieces(s)
	for _, m := range []**ort.Memory{&a.moment1, &a.moment2} {
		if *m, err = d.AllocateFloat32(a.pieces.size); err != nil {
			return err
		}
		a.allocated.add((*m).Free)
	}
	all := []**ort.Memory{&a.parameters, &a.gradients}
	a.sums = make([]*ort.Memory, optim.SumArenas(s.summed()))
	for i := range a.sums {
		all = append(all, &a.sums[i])
	}
	if s.EMA > 0 {
		all = append(all, &a.average)
	}
	for _, m := range all {
		if *m, err = d.AllocateFloat32(a.pieces.arena); err != nil {
			return err
		}
		a.allocated.add((*m).Free)
	}
	return nil
}

// deployed returns what is validated and deployed: the moving average of the parameters where there is one, else the
// parameters.
func (a *arenas) deployed() *ort.Memory {
	if a.average != nil {
		return a.average
	}
	return a.parameters
}

// Start puts the parameters that fill writes, and what follows from them, in place.
func (a *arenas) Start(fill func(parameters []float32) error) error {
	write := []*ort.Memory{a.parameters}
	if a.average != nil {
		write = append(write, a.average)
	}
	return a.device.Exchange(write, false, true, func(contents []*ort.Memory) error {
		if err := fill(contents[0].Float32()); err != nil {
			return err
		}
		if a.average != nil {
			copy(contents[1].Float32()[a.averaged:], contents[0].Float32()[a.averaged:])
		}
		return nil
	})
}

func (a *arenas) free() error { return a.allocated.close() }

func ownName(name string) string { return name }

// bindArena binds each parameter's place in an arena under a name made of the parameter's, where the session has an
// input or output of that name.
func bindArena(s *ort.Session, layout optim.Layout, arena *ort.Memory, name func(string) string) error {
	has := map[string]bool{}
	for _, info := range append(s.Inputs(), s.Outputs()...) {
		has[info.Name] = true
	}
	for _, p := range layout.Params {
		if !has[name(p.Name)] {
			continue
		}
		if err := bind(s, name(p.Name), arena, p.Offset, p.Shape...); err != nil {
			return err
		}
	}
	return nil
}

// bind gives an input or output of a session its place in memory, float32 from the element at offset on.
func bind(s *ort.Session, name string, m *ort.Memory, offset int, shape ...int64) error {
	t, err := m.Tensor(4*offset, pb.TensorProto_FLOAT, shape...)
	if err != nil {
		return err
	}
	return errors.Join(s.Bind(name, t), t.Close()) // the session keeps the memory, not this view of it
}
