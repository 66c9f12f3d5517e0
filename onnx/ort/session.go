package ort

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	yalue "github.com/yalue/onnxruntime_go"

	"fovea/onnx/pb"
)

// Info describes an input or output of a model. A dimension of -1 is symbolic.
// Type is UNDEFINED for what is no tensor.
type Info struct {
	Name  string
	Type  pb.TensorProto_DataType
	Shape []int64
}

// Session is a model made ready to run.
type Session struct {
	session *yalue.DynamicAdvancedSession
	binding *yalue.IoBinding
	// copiesInputs: the provider takes its inputs at the time they are bound.
	copiesInputs    bool
	inputs, outputs []*slot
	byName          map[string][]*slot
	own             []*Tensor // made with the session, see NewBoundSession
}

// slot is an input or output and what is bound to it.
type slot struct {
	Info
	output bool
	tensor *Tensor
	memory *Memory // of tensor, retained
	value  *value
}

// NewSession makes a session of a model in ONNX's binary form. If the model has
// external data, Config must say where, with the key
// session.model_external_initializers_file_folder_path.
func NewSession(model []byte, o Options) (*Session, error) {
	if len(model) == 0 {
		return nil, errors.New("creating a session: the model is empty")
	}
	return create(o, func(native *yalue.SessionOptions) (*yalue.DynamicAdvancedSession, error) {
		return yalue.NewDynamicAdvancedSessionWithONNXData(model, nil, nil, native)
	})
}

// OpenSession makes a session of a model file; its external data is looked for
// beside it.
func OpenSession(path string, o Options) (*Session, error) {
	s, err := create(o, func(native *yalue.SessionOptions) (*yalue.DynamicAdvancedSession, error) {
		return yalue.NewDynamicAdvancedSession(path, nil, nil, native)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

type opener = func(*yalue.SessionOptions) (*yalue.DynamicAdvancedSession, error)

func create(o Options, open opener) (*Session, error) {
	library := inUse()
	if library == nil {
		return nil, fmt.Errorf("creating a session: %w", errNotLoaded)
	}
	if o.cuda() {
		if err := readyForCUDA(context.Background(), library); err != nil {
			return nil, fmt.Errorf("creating a session: provider cuda: %w", err)
		}
	}
	s := &Session{copiesInputs: o.cuda(), byName: map[string][]*slot{}}
	make := func() error {
		native, err := o.native()
		if err != nil {
			return err
		}
		defer native.Destroy()
		s.session, err = open(native)
		return err
	}
	var err error
	if o.cuda() {
		err = keepSignals(make)
	} else {
		err = make()
	}
	if err == nil {
		if s.binding, err = s.session.CreateIoBinding(); err == nil {
			err = s.describe()
		}
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("creating a session: %w", err)
	}
	return s, nil
}

// native returns the C interface's session: the first word of yalue's types,
// which a test of this package guards.
func (s *Session) native() *C.OrtSession {
	return *(**C.OrtSession)(*(*unsafe.Pointer)(unsafe.Pointer(s.session)))
}

func (s *Session) describe() error {
	for output, list := range []*[]*slot{&s.inputs, &s.outputs} {
		var count C.size_t
		if err := failure(C.fovea_count(s.native(), C.int(output), &count)); err != nil {
			return err
		}
		for i := range count {
			var name *C.char
			var kind C.int
			var dims *C.int64_t
			var rank C.size_t
			err := failure(C.fovea_describe(s.native(), C.int(output), i, &name, &kind, &dims, &rank))
			info := Info{Name: C.GoString(name), Type: pb.TensorProto_DataType(kind), Shape: make([]int64, rank)}
			for d, n := range unsafe.Slice((*int64)(dims), int(rank)) {
				info.Shape[d] = n
			}
			C.fovea_free(unsafe.Pointer(name))
			C.fovea_free(unsafe.Pointer(dims))
			if err != nil {
				return err
			}
			added := &slot{Info: info, output: output == 1}
			*list = append(*list, added)
			s.byName[info.Name] = append(s.byName[info.Name], added)
		}
	}
	return nil
}

// Inputs describes the model's inputs, in its order.
func (s *Session) Inputs() []Info { return infos(s.inputs) }

// Outputs describes the model's outputs, in its order.
func (s *Session) Outputs() []Info { return infos(s.outputs) }

func infos(slots []*slot) []Info {
	list := make([]Info, len(slots))
	for i, s := range slots {
		list[i] = s.Info
	}
	return list
}

// Run computes the outputs from the inputs. Every input and output must be bound.
func (s *Session) Run() error {
	if s.session == nil {
		return errors.New("running a session: it is closed")
	}
	if err := s.unbound(); err != nil {
		return err
	}
	if s.copiesInputs {
		for _, in := range s.inputs {
			if err := s.binding.BindInput(in.Name, in.value); err != nil {
				return fmt.Errorf("running a session: input %q: %w", in.Name, err)
			}
		}
	}
	if err := s.session.RunWithBinding(s.binding); err != nil {
		return fmt.Errorf("running a session: %w", err)
	}
	return nil
}

func (s *Session) unbound() error {
	var missing []string
	for _, slots := range [][]*slot{s.inputs, s.outputs} {
		for _, slot := range slots {
			if slot.tensor == nil {
				missing = append(missing, fmt.Sprintf("%s %q", slot.kind(), slot.Name))
			}
		}
	}
	if missing != nil {
		return fmt.Errorf("running a session: not bound: %s", few(missing))
	}
	return nil
}

// EndProfile ends the profile that [Options].Profile began and returns its file.
func (s *Session) EndProfile() (path string, err error) {
	if s.session == nil {
		return "", errors.New("ending a profile: the session is closed")
	}
	var text *C.char
	if err := failure(C.fovea_end_profile(s.native(), &text)); err != nil {
		return "", fmt.Errorf("ending a profile: %w", err)
	}
	defer C.fovea_free(unsafe.Pointer(text))
	if path = C.GoString(text); path == "" {
		return "", errors.New("ending a profile: the session was made without Options.Profile")
	}
	return path, nil
}

// Close frees the session and lets go of its tensors. It may be called twice.
func (s *Session) Close() error {
	var failed []error
	if s.binding != nil {
		failed = append(failed, s.binding.Destroy())
		s.binding = nil
	}
	for _, slots := range [][]*slot{s.inputs, s.outputs} {
		for _, slot := range slots {
			failed = append(failed, slot.drop())
		}
	}
	for _, t := range s.own {
		failed = append(failed, t.Close())
	}
	s.own = nil
	if s.session != nil {
		failed = append(failed, s.session.Destroy())
		s.session = nil
	}
	return errors.Join(failed...)
}

// few joins names, the first eight of many.
func few(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
