package ort

// #include "signals.h"
import "C"

import (
	"errors"
	"sync"
	"unsafe"

	yalue "github.com/yalue/onnxruntime_go"
)

// The operator of the nodes that raise [Signals], on the CPU. A node takes any number of float32 tensors and has one
// output, a float32 scalar that nobody writes. Its attribute index is the number of its signal.
const (
	SignalDomain = C.FOVEA_DOMAIN
	SignalOp     = C.FOVEA_SIGNAL
)

// Signals tell, while a [Session] runs, which of its nodes of the operator [SignalOp] have run. What these take as inputs
// is then complete in the memory that is bound to it.
type Signals struct{ native *C.struct_fovea_signals }

// entering is held while a session with signals is made: ONNX Runtime enters the domain of its operators into a table of
// the process, and refuses it where two sessions do so at once.
var entering sync.Mutex

// NewSignals returns n signals for [Options.Signals].
func NewSignals(n int) (*Signals, error) {
	if InUse() == nil {
		return nil, ErrNotLoaded
	}
	s := C.fovea_signals(C.size_t(n))
	if s == nil {
		return nil, errors.New("there is no memory for signals")
	}
	return &Signals{s}, nil
}

// add makes the operator known to a session.
func (s *Signals) add(options *yalue.SessionOptions) error {
	native := *(**C.OrtSessionOptions)(unsafe.Pointer(options)) // as in Session.native
	return failure(C.fovea_signals_add(s.native, native))
}

// Reset takes all signals back. It must not be called during a run.
func (s *Signals) Reset() { C.fovea_signals_reset(s.native) }

// Turn returns 0 until the node of signal i has run, then 1 if it was the first of the run, 2 if it was the second, and
// so on. It may be called during a run.
func (s *Signals) Turn(i int) int { return int(C.fovea_signals_turn(s.native, C.size_t(i))) }

// Close frees the signals, after the session has been closed.
func (s *Signals) Close() error {
	if s != nil {
		C.fovea_signals_free(s.native)
		s.native = nil
	}
	return nil
}
