//go:build unix

package ort

/*
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"unsafe"
)

// dynamic is an open shared library.
type dynamic struct{ handle unsafe.Pointer }

func openDynamic(path string) (dynamic, error) { return open(path, C.RTLD_LOCAL) }

// openGlobal opens a library for good, so that those which are opened after it
// and need it, wherever it lies, get it.
func openGlobal(path string) error {
	_, err := open(path, C.RTLD_GLOBAL)
	return err
}

func open(path string, scope C.int) (dynamic, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	handle := C.dlopen(p, C.RTLD_LAZY|scope)
	if handle == nil {
		return dynamic{}, errors.New(C.GoString(C.dlerror()))
	}
	return dynamic{handle}, nil
}

// symbol returns the address of a function, or nil.
func (d dynamic) symbol(name string) unsafe.Pointer {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	return C.dlsym(d.handle, n)
}

func (d dynamic) close() { C.dlclose(d.handle) }
