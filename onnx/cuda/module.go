package cuda

// #include <stdlib.h>
// #include "driver.h"
import "C"

import (
	"bytes"
	"fmt"
	"reflect"
	"unsafe"
)

// A Module is a compiled program of kernels.
type Module struct{ resource }

// Load compiles PTX for the GPU. If the driver refuses it, the error has the messages of the driver's compiler.
func (d *Device) Load(ptx []byte) (*Module, error) {
	text := append(bytes.Clone(ptx), 0) // as a C string
	var log [4096]byte
	r, err := d.create("a module", 0, func(handle *C.uintptr_t) C.int {
		return C.fovea_cuda_load(d.context, unsafe.Pointer(&text[0]), (*C.char)(unsafe.Pointer(&log[0])),
			C.unsigned(len(log)), handle)
	})
	if err != nil {
		said, _, _ := bytes.Cut(log[:], []byte{0})
		if said = bytes.TrimSpace(said); len(said) > 0 {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return nil, err
	}
	return &Module{r}, nil
}

// Close gives the module back. Its functions must not be used afterwards.
func (m *Module) Close() error {
	return m.release(func(handle C.uintptr_t) C.int { return C.fovea_cuda_unload(m.device.context, handle) })
}

// A Function is a kernel of a module.
type Function struct {
	module *Module
	name   string
	handle C.uintptr_t
}

// Function returns the kernel with this name.
func (m *Module) Function(name string) (*Function, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	f := &Function{module: m, name: name}
	result := C.fovea_cuda_function(m.device.context, m.handle, text, &f.handle)
	return f, m.device.failure(result, 0, "looking for the kernel %s", name)
}

// Launch queues a kernel on grid blocks of block threads. The arguments are numbers of a fixed size, such as int64 and
// float32, [Memory], and structs and arrays of numbers, which lie in memory as in C. Addresses in a struct are uintptr,
// from [Memory.Pointer].
func (s *Stream) Launch(f *Function, grid, block int, args ...any) error {
	if err := f.module.check(); err != nil {
		return err
	}
	data, offsets, err := arguments(args)
	if err != nil {
		return fmt.Errorf("launching %s: %w", f.name, err)
	}
	if grid < 1 || grid > 1<<31-1 || block < 1 || block > 1024 {
		return fmt.Errorf("launching %s: %d blocks of %d threads", f.name, grid, block)
	}
	return s.do("launching "+f.name, func(d *Device) C.int {
		return C.fovea_cuda_launch(d.context, s.handle, f.handle, C.unsigned(grid), C.unsigned(block),
			unsafe.Pointer(&data[0]), &offsets[0], C.int(len(args)))
	})
}

// arguments returns the arguments of a kernel in one block, each at a multiple of 8 bytes, and their offsets.
func arguments(args []any) (data []uint64, offsets []C.size_t, err error) {
	if len(args) < 1 || len(args) > C.FOVEA_CUDA_ARGUMENTS {
		return nil, nil, fmt.Errorf("%d arguments, want 1 to %d", len(args), C.FOVEA_CUDA_ARGUMENTS)
	}
	for i, a := range args {
		if m, ok := a.(*Memory); ok {
			if err := m.check(); err != nil {
				return nil, nil, fmt.Errorf("argument %d: %w", i, err)
			}
			a = m.Pointer()
		}
		t := reflect.TypeOf(a)
		if !fixed(t) {
			return nil, nil, fmt.Errorf("argument %d: %T is not made of numbers of a fixed size", i, a)
		}
		offsets = append(offsets, C.size_t(8*len(data)))
		v := reflect.New(t)
		v.Elem().Set(reflect.ValueOf(a))
		words := make([]uint64, (t.Size()+7)/8)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), t.Size()),
			unsafe.Slice((*byte)(v.UnsafePointer()), t.Size()))
		data = append(data, words...)
	}
	return data, offsets, nil
}

// fixed reports whether a type is the same in C. Go's int and uint are not.
func fixed(t reflect.Type) bool {
	if t == nil {
		return false
	}
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && fixed(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !fixed(t.Field(i).Type) {
				return false
			}
		}
		return t.NumField() > 0
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32,
		reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64:
		return true
	}
	return false
}
