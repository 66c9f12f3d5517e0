package ort

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"fovea/onnx/pb"
)

// Evaluate computes the outputs from the bound inputs, on the CPU, in memory of the runtime's own. It is for outputs
// whose shapes are known only after the run.
//
// It calls visit for each output, in the model's order, with its true shape. The elements in data have the machine's
// byte order and are valid until visit returns. Values that are no tensors have type UNDEFINED; they and strings have
// no data.
func (s *Session) Evaluate(visit func(info Info, data []byte) error) error {
	if s.session == nil {
		return errors.New("running a session: it is closed")
	}
	var inputNames, outputNames []*C.char
	var values []*C.OrtValue
	defer func() {
		for _, name := range append(inputNames, outputNames...) {
			C.free(unsafe.Pointer(name))
		}
	}()
	for _, in := range s.inputs {
		if in.tensor == nil {
			return fmt.Errorf("running a session: input %q is not bound", in.Name)
		}
		inputNames, values = append(inputNames, C.CString(in.Name)), append(values, *in.value.native())
	}
	for _, out := range s.outputs {
		outputNames = append(outputNames, C.CString(out.Name))
	}
	results := make([]*C.OrtValue, len(s.outputs))
	defer func() {
		for _, v := range results {
			if v != nil {
				C.fovea_release_value(v)
			}
		}
	}()
	err := s.stoppable(func(options *C.OrtRunOptions) error {
		return failure(C.fovea_run(s.native(), options,
			unsafe.SliceData(inputNames), unsafe.SliceData(values), C.size_t(len(values)),
			unsafe.SliceData(outputNames), C.size_t(len(results)), unsafe.SliceData(results)))
	})
	if err != nil {
		return fmt.Errorf("running a session: %w", err)
	}
	for i, v := range results {
		info, data, err := content(v)
		if err != nil {
			return fmt.Errorf("output %q: %w", s.outputs[i].Name, err)
		}
		info.Name = s.outputs[i].Name
		if err := visit(info, data); err != nil {
			return err
		}
	}
	return nil
}

// content returns the shape and the elements of a value.
func content(v *C.OrtValue) (info Info, data []byte, err error) {
	var kind C.int
	var dims *C.int64_t
	var rank C.size_t
	var elements unsafe.Pointer
	err = failure(C.fovea_content(v, &kind, &dims, &rank, &elements))
	defer C.fovea_free(unsafe.Pointer(dims))
	shape := append([]int64{}, unsafe.Slice((*int64)(dims), int(rank))...)
	info = Info{Type: pb.TensorProto_DataType(kind), Shape: shape}
	if err != nil || elements == nil {
		return info, nil, err
	}
	bytes, err := tensorBytes(info.Type, info.Shape)
	if err != nil {
		return info, nil, nil // packed elements: the shape is all that is told
	}
	return info, unsafe.Slice((*byte)(elements), bytes), nil
}
