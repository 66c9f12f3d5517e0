package inference

import (
	"errors"
	"fmt"
	"slices"

	"fovea/graphs/transfer"
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
		for d := range shape {
			shape[d] = max(shape[d], 0)
		}
		side, channelsLast, err := transfer.CheckImages(in.Name, in.Type, shape)
		switch {
		case err != nil:
			return err
		case channelsLast:
			return fmt.Errorf("input %q takes images of shape %v, with the channels last: images are [N,3,S,S]: convert it "+
				"again with the channels first, as tf2onnx does with --inputs-as-nchw", in.Name, in.Shape)
		case side != 0 && side != int64(b.Side):
			return fmt.Errorf("input %q takes images of %d×%[2]d pixels, but they are prepared with %d: leave out -size, or "+
				"set it to %[2]d", in.Name, side, b.Side)
		}
		shape = []int64{shape[0], 3, int64(b.Side), int64(b.Side)}
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
