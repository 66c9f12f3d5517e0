package ort

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	yalue "github.com/yalue/onnxruntime_go"

	"fovea/internal/signals"
	"fovea/onnx"
	"fovea/onnx/limits"
	"fovea/onnx/pb"
)

// An Info describes an input or output of a model. A dimension of -1 is symbolic. Type is UNDEFINED for values that are
// no tensors.
type Info struct {
	Name  string
	Type  pb.TensorProto_DataType
	Shape []int64
}

// A Session is a model made ready to run.
type Session struct {
	session         *yalue.DynamicAdvancedSession
	binding         *yalue.IoBinding
	cuda            bool            // all calls of the runtime are made on the thread of onDeviceThread
	asynchronous    bool            // Run only enqueues
	context         context.Context // see Options
	longest         time.Duration
	runs            int
	inputs, outputs []*slot
	byName          map[string][]*slot
	own             []*Tensor // made with the session, see NewBoundSession
}

// A slot is an input or output and the tensor that is bound to it.
type slot struct {
	Info
	output bool
	tensor *Tensor
	memory *Memory // of tensor, retained
	value  *value
}

// NewSession makes a session of a model in ONNX's binary form. If the model has external data, Config must name its
// folder under the key session.model_external_initializers_file_folder_path.
func NewSession(model []byte, o Options) (*Session, error) {
	if len(model) == 0 {
		return nil, errors.New("creating a session: the model is empty")
	}
	return create(o, func(native *yalue.SessionOptions) (*yalue.DynamicAdvancedSession, error) {
		return yalue.NewDynamicAdvancedSessionWithONNXData(model, nil, nil, native)
	})
}

// OpenSession makes a session of a model file. Its external data is looked for in the file's folder. It refuses a model
// that is invalid, that the runtime would not survive, or that asks for too much; see [limits.Check].
func OpenSession(path string, o Options) (*Session, error) {
	model, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	s, err := openChecked(model.Proto, path, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// NewSessionOf makes a session of a model in memory that somebody else wrote, with the checks of [OpenSession].
func NewSessionOf(m *pb.ModelProto, o Options) (*Session, error) { return openChecked(m, "", o) }

// openChecked makes a session of a model that stands in the file at path too, unless path is "".
func openChecked(m *pb.ModelProto, path string, o Options) (*Session, error) {
	if err := onnx.Check(m); err != nil {
		return nil, err
	}
	prepared, err := limits.Prepare(m, nil)
	if err != nil {
		return nil, fmt.Errorf("not given to ONNX Runtime: %w", err)
	}
	WarnOfFaults(m)
	if o.Longest == 0 {
		o.Longest = limits.Longest(m)
	}
	if prepared == m && path != "" {
		return create(o, func(native *yalue.SessionOptions) (*yalue.DynamicAdvancedSession, error) {
			return yalue.NewDynamicAdvancedSession(path, nil, nil, native)
		})
	}
	bytes, err := onnx.Marshal(prepared)
	if err != nil {
		return nil, err
	}
	return NewSession(bytes, o)
}

type opener = func(*yalue.SessionOptions) (*yalue.DynamicAdvancedSession, error)

func create(o Options, open opener) (*Session, error) {
	library := InUse()
	if library == nil {
		return nil, fmt.Errorf("creating a session: %w", ErrNotLoaded)
	}
	if o.cuda() && library.prepareCUDA != nil {
		if err := library.prepareCUDA(library); err != nil {
			return nil, fmt.Errorf("creating a session: provider cuda: %w", err)
		}
	}
	s := &Session{cuda: o.cuda(), asynchronous: o.Stream != nil, context: o.Context, longest: o.Longest,
		byName: map[string][]*slot{}}
	made := func() (*yalue.DynamicAdvancedSession, error) {
		native, err := o.native()
		if err != nil {
			return nil, err
		}
		defer native.Destroy()
		if o.Signals != nil {
			entering.Lock()
			defer entering.Unlock()
		}
		return open(native)
	}
	var err error
	if s.cuda {
		err = onDeviceThread(func() error {
			return signals.Keep(func() (err error) {
				s.session, err = made()
				return err
			})
		})
	} else {
		s.session, err = abandonable(o.Context, made)
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

// native returns the C interface's session. It is the first word of yalue's types, which a test of this package guards.
func (s *Session) native() *C.OrtSession {
	return *(**C.OrtSession)(*(*unsafe.Pointer)(unsafe.Pointer(s.session)))
}

// nativeBinding returns the C interface's binding, likewise.
func (s *Session) nativeBinding() *C.OrtIoBinding {
	return *(**C.OrtIoBinding)(unsafe.Pointer(s.binding))
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

// Of waitEvery runs that only enqueue, one waits: page-locked memory that kernels borrow is given back only at the end
// of a run that waits.
const waitEvery = 64

// call calls f, on the device thread if the session computes on a GPU.
func (s *Session) call(f func() error) error {
	if s.cuda {
		return onDeviceThread(f)
	}
	return f()
}

// Run computes the outputs from the inputs. Every input and output must be bound. With Options.Stream it only enqueues
// the work on that stream. Outputs on the GPU may then be used by work that is enqueued there later, and inputs must
// stay unchanged until the work is done.
func (s *Session) Run() error {
	if s.session == nil {
		return errors.New("running a session: it is closed")
	}
	if err := s.unbound(); err != nil {
		return err
	}
	err := s.call(func() error {
		for _, in := range s.inputs {
			// Binding copied an input in the machine's memory to the GPU, so a changed input has to be bound again.
			if s.cuda && in.memory.device == nil {
				if err := s.binding.BindInput(in.Name, in.value); err != nil {
					return fmt.Errorf("input %q: %w", in.Name, err)
				}
			}
		}
		if s.runs++; s.asynchronous && s.runs%waitEvery != 0 {
			return failure(C.fovea_enqueue(s.native(), s.nativeBinding()))
		}
		return s.stoppable(func(options *C.OrtRunOptions) error {
			return failure(C.fovea_run_bound(s.native(), s.nativeBinding(), options))
		})
	})
	if err != nil && strings.Contains(err.Error(), "cuDNN is unavailable") {
		err = fmt.Errorf("%w; what mends it: trainer runtime install -gpu -cudnn", err)
	}
	if err != nil {
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
		return fmt.Errorf("running a session: not bound: %s", joinNames(missing))
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

// Close frees the session and unbinds its tensors. It may be called twice.
func (s *Session) Close() error {
	return s.call(s.close)
}

func (s *Session) close() error {
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

// joinNames joins names, the first eight of many.
func joinNames(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
