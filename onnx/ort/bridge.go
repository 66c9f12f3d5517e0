package ort

// #include "bridge.h"
import "C"

import (
	"errors"
	"strings"
	"unsafe"
)

// API is the version of the runtime's C interface that this package calls.
const API = C.FOVEA_API

// failure turns a status of the runtime into an error and releases it.
func failure(status *C.OrtStatus) error {
	if status == nil {
		return nil
	}
	text := C.fovea_message(status)
	defer C.fovea_free(unsafe.Pointer(text))
	return errors.New(strings.TrimSpace(C.GoString(text)))
}

// versionAt calls the OrtGetApiBase found in a library and returns the library's version, such as "1.27.0", or "".
func versionAt(symbol unsafe.Pointer) string {
	return C.GoString(C.fovea_version(symbol))
}

// useAt keeps the library's interface for every later call. It reports whether the library offers it.
func useAt(symbol unsafe.Pointer) bool {
	return C.fovea_use(symbol) != 0
}

func newEnvironment(severity int) error {
	return failure(C.fovea_environment(C.int(severity)))
}

// availableProviders lists the execution providers compiled into the library.
func availableProviders() ([]string, error) {
	var names **C.char
	var count C.int
	if err := failure(C.fovea_providers(&names, &count)); err != nil {
		return nil, err
	}
	defer C.fovea_release_providers(names, count)
	var list []string
	for _, name := range unsafe.Slice(names, int(count)) {
		list = append(list, C.GoString(name))
	}
	return list, nil
}
