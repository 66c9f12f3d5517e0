package sharedlib

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// A Library is an open shared library.
type Library struct{ handle windows.Handle }

// Open opens the library at path.
func Open(path string) (Library, error) {
	h, err := windows.LoadLibraryEx(path, 0, windows.LOAD_WITH_ALTERED_SEARCH_PATH)
	return Library{h}, err
}

// OpenGlobal opens the library at path until the process ends.
func OpenGlobal(path string) error {
	_, err := Open(path)
	return err
}

// Symbol returns the address of a function, or nil.
func (l Library) Symbol(name string) unsafe.Pointer {
	address, err := windows.GetProcAddress(l.handle, name)
	if err != nil {
		return nil
	}
	// The address is no Go pointer: reading it through its own variable keeps the conversion out of the rules for
	// those.
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// Close closes the library.
func (l Library) Close() { windows.FreeLibrary(l.handle) }
