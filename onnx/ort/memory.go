package ort

import (
	"errors"
	"fmt"
	"sync"

	"fovea/internal/numbers"
	"fovea/onnx/cuda"
)

// Memory is page-aligned memory outside the Go heap, in the machine's memory or on a GPU. It is zeroed at first. The
// garbage collector neither moves nor frees it, so the runtime may keep pointers into it. It lives until Free.
type Memory struct {
	data   []byte       // nil on a GPU
	device *cuda.Memory // nil in the machine's memory

	mu    sync.Mutex
	users int // tensors that view it
	freed bool
}

// Allocate returns zeroed memory. Pages are taken from the system when they are first written.
func Allocate(bytes int) (*Memory, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("allocating memory: negative size %d", bytes)
	}
	data, err := mapMemory(max(bytes, 1))
	if err != nil {
		return nil, fmt.Errorf("allocating %d MB of memory: %w", bytes>>20, err)
	}
	return &Memory{data: data[:bytes]}, nil
}

// AllocateOn returns zeroed memory on a GPU. Its content is reached through the streams of package cuda only.
func AllocateOn(d *cuda.Device, bytes int) (*Memory, error) {
	m, err := d.Allocate(bytes)
	if err != nil {
		return nil, err
	}
	return &Memory{device: m}, nil
}

// Device returns the memory on the GPU, or nil if it lies in the machine's memory.
func (m *Memory) Device() *cuda.Memory { return m.device }

// Size returns the number of bytes.
func (m *Memory) Size() int {
	if m.device != nil {
		return m.device.Size()
	}
	return len(m.data)
}

// Bytes returns the memory, or nil if it lies on a GPU. The slice must not be used after Free.
func (m *Memory) Bytes() []byte { return m.data }

// Float32 returns the memory as float32 values, or nil if it lies on a GPU.
func (m *Memory) Float32() []float32 { return numbers.View[float32](m.data) }

// Free gives the memory back once the last tensor that views it is closed and unbound.
func (m *Memory) Free() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.freed {
		return errors.New("freeing memory: it was freed before")
	}
	m.freed = true
	return m.unmapUnused()
}

func (m *Memory) retain() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.freed && m.users == 0 {
		return errors.New("the memory was freed")
	}
	m.users++
	return nil
}

func (m *Memory) release() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users--
	return m.unmapUnused()
}

func (m *Memory) unmapUnused() error {
	if !m.freed || m.users > 0 {
		return nil
	}
	if m.device != nil {
		return m.device.Free()
	}
	data := m.data
	m.data = nil
	return unmapMemory(data[:cap(data)])
}
