package ort

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func mapMemory(bytes int) ([]byte, error) {
	address, err := windows.VirtualAlloc(0, uintptr(bytes),
		windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), bytes), nil
}

func unmapMemory(data []byte) error {
	return windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(data))), 0, windows.MEM_RELEASE)
}
