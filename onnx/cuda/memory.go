package cuda

// #include "driver.h"
import "C"

import (
	"fmt"
	"unsafe"

	"fovea/internal/numbers"
)

// Memory is a range of a GPU's memory.
type Memory struct {
	resource
	size int
}

// Allocate returns zeroed memory of the GPU, aligned to 256 bytes. If there is not enough, the error is an
// [OutOfMemory].
func (d *Device) Allocate(bytes int) (*Memory, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("GPU %d: memory of negative size %d", d.info.Index, bytes)
	}
	r, err := d.create("memory", bytes, func(handle *C.uintptr_t) C.int {
		return C.fovea_cuda_allocate(d.context, C.size_t(max(bytes, 1)), handle)
	})
	if err != nil {
		return nil, err
	}
	return &Memory{r, bytes}, nil
}

// Pointer returns the address in the GPU's memory, or 0 after Free.
func (m *Memory) Pointer() uintptr { return uintptr(m.handle) }

// GPU returns the index of the GPU that has the memory.
func (m *Memory) GPU() int { return m.device.info.Index }

// Size returns the number of bytes that were asked for.
func (m *Memory) Size() int { return m.size }

// Free gives the memory back. Work of streams that uses it must be done.
func (m *Memory) Free() error {
	return m.release(func(handle C.uintptr_t) C.int { return C.fovea_cuda_free(m.device.context, handle) })
}

// part returns the address of a range of the memory.
func (m *Memory) part(offset, bytes int) (C.uintptr_t, error) {
	if err := m.check(); err != nil {
		return 0, err
	}
	if offset < 0 || bytes < 0 || bytes > m.size-offset {
		return 0, fmt.Errorf("GPU %d: bytes %d to %d are outside the memory, which has %d bytes",
			m.device.info.Index, offset, offset+bytes, m.size)
	}
	return m.handle + C.uintptr_t(offset), nil
}

// HostMemory is page-locked memory of the computer. A GPU reads and writes it while the program goes on. The garbage
// collector neither moves nor frees it.
type HostMemory struct {
	resource
	data []byte
}

// AllocateHost returns zeroed page-locked memory. All programs share a limited amount of it, so it is for buffers only.
func (d *Device) AllocateHost(bytes int) (*HostMemory, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("GPU %d: page-locked memory of negative size %d", d.info.Index, bytes)
	}
	var data unsafe.Pointer
	r, err := d.create("page-locked memory", 0, func(handle *C.uintptr_t) C.int {
		result := C.fovea_cuda_allocate_host(d.context, C.size_t(max(bytes, 1)), &data)
		*handle = C.uintptr_t(uintptr(data))
		return result
	})
	if err != nil {
		return nil, fmt.Errorf("%d bytes: %w", bytes, err)
	}
	m := &HostMemory{r, unsafe.Slice((*byte)(data), bytes)}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locked[m] = true
	return m, nil
}

// Bytes returns the memory. The slice must not be used after Free.
func (m *HostMemory) Bytes() []byte { return m.data }

// Float32 returns the memory as float32 values.
func (m *HostMemory) Float32() []float32 {
	return numbers.View[float32](m.data)
}

// Free gives the memory back. Work of streams that uses it must be done.
func (m *HostMemory) Free() error {
	return m.release(func(handle C.uintptr_t) C.int {
		delete(m.device.locked, m)
		m.data = nil
		return C.fovea_cuda_free_host(m.device.context, handle)
	})
}

// waits returns 1 if a copy from or to data must be waited for, else 0. Only page-locked memory stays in its place
// until the GPU has copied it.
func (d *Device) waits(data []byte) C.int {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	d.mu.Lock()
	defer d.mu.Unlock()
	for m := range d.locked {
		first := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
		if start >= first && start+uintptr(len(data)) <= first+uintptr(len(m.data)) {
			return 0
		}
	}
	return 1
}
