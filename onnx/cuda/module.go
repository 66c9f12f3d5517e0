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

// Launch queues a kernel on grid blocks of block threads. Its argument is a struct of numbers of a fixed size, such as
// int64 and float32, which lies in memory as in C. Addresses in it are uintptr, from [Memory.Pointer].
func (s *Stream) Launch(f *Function, grid, block int, argument any) error {
	if err := f.module.check(); err != nil {
		return err
	}
	t := reflect.TypeOf(argument)
	if !fixed(t) {
		return fmt.Errorf("launching %s: the argument, %T, is not made of numbers of a fixed size", f.name, argument)
	}
	if grid < 1 || grid > 1<<31-1 || block < 1 || block > 1024 {
		return fmt.Errorf("launching %s: %d blocks of %d threads", f.name, grid, block)
	}
	data := reflect.New(t)
	data.Elem().Set(reflect.ValueOf(argument))
	return s.do("launching "+f.name, func(d *Device) C.int {
		return C.fovea_cuda_launch(d.context, s.handle, f.handle, C.unsigned(grid), C.unsigned(block),
			data.UnsafePointer())
	})
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
