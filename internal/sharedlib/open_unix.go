//go:build unix

package sharedlib

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"unsafe"
)

// A Library is an open shared library.
type Library struct{ handle unsafe.Pointer }

// Open opens the library at path. Its symbols stay hidden from libraries that are opened later.
func Open(path string) (Library, error) { return open(path, C.RTLD_LOCAL) }

// OpenGlobal opens the library at path until the process ends. Libraries that are opened later and are linked against
// it use this one, in whatever folder it lies.
func OpenGlobal(path string) error {
	_, err := open(path, C.RTLD_GLOBAL)
	return err
}

func open(path string, scope C.int) (Library, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	handle := C.dlopen(p, C.RTLD_LAZY|scope)
	if handle == nil {
		return Library{}, errors.New(C.GoString(C.dlerror()))
	}
	return Library{handle}, nil
}

// Symbol returns the address of a function, or nil.
func (l Library) Symbol(name string) unsafe.Pointer {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	return C.dlsym(l.handle, n)
}

// Close closes the library.
func (l Library) Close() { C.dlclose(l.handle) }
