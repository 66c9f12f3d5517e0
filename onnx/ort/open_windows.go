package ort

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// dynamic is an open shared library.
type dynamic struct{ handle windows.Handle }

func openDynamic(path string) (dynamic, error) {
	h, err := windows.LoadLibraryEx(path, 0, windows.LOAD_WITH_ALTERED_SEARCH_PATH)
	return dynamic{h}, err
}

// openGlobal opens a library for good.
func openGlobal(path string) error {
	_, err := openDynamic(path)
	return err
}

// symbol returns the address of a function, or nil.
func (d dynamic) symbol(name string) unsafe.Pointer {
	address, err := windows.GetProcAddress(d.handle, name)
	if err != nil {
		return nil
	}
	// The address is no Go pointer: reading it through its own variable keeps
	// the conversion out of the rules for those.
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

func (d dynamic) close() { windows.FreeLibrary(d.handle) }
