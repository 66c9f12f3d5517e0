package inference

import (
	"errors"
	"fmt"
	"slices"

	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A Binding names the input and output of a classifier and their sizes.
type Binding struct {
	Input, Output string
	Batch         int  // in the place of a symbolic first dimension
	Side          int  // S of images [N,3,S,S]; 0: the input is something else, of known shape
	Classes       int  // C of the output [N,C]; 0: as the model says
	Half          bool // logits are rounded to float16
}

// bound is memory for a batch of a session's inputs and all of its outputs.
type bound struct {
	input, output *ort.Tensor
	tensors       map[string]*ort.Tensor // by name
}

func newBound(s *ort.Session, b Binding) (*bound, error) {
	m := &bound{tensors: map[string]*ort.Tensor{}}
	err := m.addInput(s, b)
	if err == nil {
		err = m.addOutputs(s, b)
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *bound) addInput(s *ort.Session, b Binding) (err error) {
	inputs := s.Inputs()
	i := slices.IndexFunc(inputs, func(in ort.Info) bool { return in.Name == b.Input })
	if i < 0 {
		return fmt.Errorf("the model has no input %q", b.Input)
	}
	in := inputs[i]
	shape := slices.Clone(in.Shape)
	if b.Side > 0 {
		if len(shape) != 4 || in.Type != pb.TensorProto_FLOAT {
			return fmt.Errorf("input %q is %s%v, not images: float32 [N,3,S,S]", in.Name, in.Type, shape)
		}
		for d, want := range []int64{0, 3, int64(b.Side), int64(b.Side)} {
			if d > 0 && shape[d] >= 0 && shape[d] != want {
				return fmt.Errorf("input %q takes images %v, but they are prepared as 3×%d×%d", in.Name, in.Shape, b.Side, b.Side)
			}
			if shape[d] < 0 {
				shape[d] = want
			}
		}
	}
	if len(shape) == 0 {
		return fmt.Errorf("input %q is a scalar, not a batch", in.Name)
	}
	if in.Shape[0] < 0 {
		shape[0] = int64(b.Batch)
	}
	m.input, err = m.add(in, shape)
	return err
}

func (m *bound) addOutputs(s *ort.Session, b Binding) error {
	batch := m.input.Shape()[0]
	for _, out := range s.Outputs() {
		shape := slices.Clone(out.Shape)
		read := out.Name == b.Output
		for i := range shape {
			switch {
			case shape[i] >= 0:
			case read && i == 1:
				shape[i] = int64(b.Classes)
			default:
				shape[i] = batch
			}
		}
		if read && (len(shape) != 2 || out.Type != pb.TensorProto_FLOAT || shape[0] != batch ||
			b.Classes > 0 && shape[1] != int64(b.Classes)) {
			return fmt.Errorf("output %q is %s%v, not the scores of %d images for %d classes: float32 [N,C]",
				out.Name, out.Type, out.Shape, batch, b.Classes)
		}
		t, err := m.add(out, shape)
		if err != nil {
			return err
		}
		if read {
			m.output = t
		}
	}
	if m.output == nil {
		return fmt.Errorf("the model has no output %q", b.Output)
	}
	return nil
}

func (m *bound) add(info ort.Info, shape []int64) (*ort.Tensor, error) {
	t, err := ort.NewTensor(info.Type, shape...)
	if err == nil {
		m.tensors[info.Name] = t
	}
	return t, err
}

func (m *bound) batch() int { return int(m.input.Shape()[0]) }

func (m *bound) close() error {
	var failed []error
	for _, t := range m.tensors {
		failed = append(failed, t.Close())
	}
	return errors.Join(failed...)
}
