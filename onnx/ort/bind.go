package ort

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	yalue "github.com/yalue/onnxruntime_go"
)

// Bind binds a tensor to an input or output, in place of an earlier one. Type and shape must be the model's; a symbolic
// dimension takes any size. The session keeps the tensor's memory alive, even after the tensor's Close, until the name
// is bound again or the session is closed.
func (s *Session) Bind(name string, t *Tensor) error {
	if s.session == nil {
		return fmt.Errorf("binding %q: the session is closed", name)
	}
	slots := s.byName[name]
	if len(slots) == 0 {
		return fmt.Errorf("binding %q: the model has no such input or output; inputs: %s; outputs: %s",
			name, joinNames(names(s.inputs)), joinNames(names(s.outputs)))
	}
	// An output that passes an input on has the input's name: both take the tensor.
	for _, slot := range slots {
		if err := s.bind(slot, t); err != nil {
			return fmt.Errorf("binding %s %q: %w", slot.kind(), name, err)
		}
	}
	return nil
}

func (s *Session) bind(slot *slot, t *Tensor) error {
	if t.closed {
		return errors.New("the tensor is closed")
	}
	if !slot.accepts(t) {
		return fmt.Errorf("the model wants %s, but the tensor is %s",
			typeText(slot.Type, slot.Shape), typeText(t.kind, t.shape))
	}
	v, err := newValue(t)
	if err != nil {
		return err
	}
	err = s.call(func() error {
		if slot.output {
			return s.binding.BindOutput(slot.Name, v)
		}
		return s.binding.BindInput(slot.Name, v)
	})
	if err == nil {
		err = t.memory.retain()
	}
	if err != nil {
		v.release()
		return err
	}
	err = slot.drop()
	slot.tensor, slot.memory, slot.value = t, t.memory, v
	return err
}

func (s *slot) kind() string {
	if s.output {
		return "output"
	}
	return "input"
}

func (s *slot) accepts(t *Tensor) bool {
	if s.Type != t.kind || len(s.Shape) != len(t.shape) {
		return false
	}
	for i, d := range s.Shape {
		if d >= 0 && d != t.shape[i] {
			return false
		}
	}
	return true
}

// drop unbinds the tensor. The runtime must not know it any more.
func (s *slot) drop() error {
	if s.tensor == nil {
		return nil
	}
	s.value.release()
	memory := s.memory
	s.tensor, s.memory, s.value = nil, nil, nil
	return memory.release()
}

func names(slots []*slot) []string {
	list := make([]string, len(slots))
	for i, s := range slots {
		list[i] = s.Name
	}
	return list
}

// A value is the runtime's view of a tensor, in the form that yalue's functions take. They only call GetInternals,
// whose type has no exported fields. Values of that module cannot have rank 0 over memory of the caller.
type value struct {
	yalue.Value
	internals yalue.ValueInternalData
}

func (v *value) GetInternals() *yalue.ValueInternalData { return &v.internals }

// native returns the C interface's value. It is the first word of yalue's type, which a test of this package guards.
func (v *value) native() **C.OrtValue { return (**C.OrtValue)(unsafe.Pointer(&v.internals)) }

func newValue(t *Tensor) (*value, error) {
	v := new(value)
	shape := append([]int64{}, t.shape...)
	var dims *C.int64_t
	if len(shape) > 0 {
		dims = (*C.int64_t)(&shape[0])
	}
	var native *C.OrtValue
	var err error
	if d := t.memory.device; d != nil {
		err = failure(C.fovea_device_tensor(C.int(d.GPU()), C.uintptr_t(d.Pointer()+uintptr(t.offset)),
			C.size_t(t.bytes), dims, C.size_t(len(shape)), C.int(t.kind), &native))
	} else {
		err = failure(C.fovea_tensor(unsafe.Pointer(unsafe.SliceData(t.data)), C.size_t(len(t.data)),
			dims, C.size_t(len(shape)), C.int(t.kind), &native))
	}
	*v.native() = native
	return v, err
}

func (v *value) release() {
	C.fovea_release_value(*v.native())
	*v.native() = nil
}

// NewBoundSession makes a session of a model whose inputs all have known shapes. It binds a tensor to each input, for
// the caller to fill, and returns the tensors by name. The session closes them.
func NewBoundSession(model []byte, o Options) (*Session, map[string]*Tensor, error) {
	s, err := NewSession(model, o)
	if err != nil {
		return nil, nil, err
	}
	inputs := map[string]*Tensor{}
	for _, in := range s.Inputs() {
		t, err := NewTensor(in.Type, in.Shape...)
		if err == nil {
			inputs[in.Name], s.own = t, append(s.own, t)
			err = s.Bind(in.Name, t)
		}
		if err != nil {
			s.Close()
			return nil, nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
	}
	return s, inputs, nil
}
