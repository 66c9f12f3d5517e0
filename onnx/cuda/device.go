package cuda

// #include <stdlib.h>
// #include "driver.h"
// #cgo linux LDFLAGS: -ldl
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"fovea/internal/signals"
)

// An Info describes a GPU.
type Info struct {
	Index        int
	Name         string
	Major, Minor int   // compute capability
	Memory       int64 // bytes
	Driver       int   // the newest CUDA version that the driver offers: 13000 is 13.0
}

// open opens the driver, once. Signal handlers that the driver installs are undone.
var open = sync.OnceValue(func() error {
	return signals.Keep(func() error {
		var missing C.int
		if text := C.fovea_cuda_open(&missing); text != nil {
			defer C.free(unsafe.Pointer(text))
			if missing != 0 {
				return fmt.Errorf("%w: %s", ErrNoDriver, C.GoString(text))
			}
			return errors.New(C.GoString(text))
		}
		return failure(C.fovea_cuda_init(), "starting NVIDIA's driver")
	})
})

// Devices returns the GPUs. Without a driver the error is [ErrNoDriver], without a GPU it is [ErrNoDevice].
func Devices() ([]Info, error) {
	if err := open(); err != nil {
		return nil, err
	}
	var count C.int
	if err := failure(C.fovea_cuda_count(&count), "counting GPUs"); err != nil {
		return nil, err
	}
	if count == 0 {
		return nil, ErrNoDevice
	}
	list := make([]Info, count)
	for i := range list {
		var name [256]C.char
		var major, minor, driver C.int
		var memory C.size_t
		result := C.fovea_cuda_describe(C.int(i), &name[0], C.int(len(name)), &major, &minor, &memory, &driver)
		if err := failure(result, fmt.Sprintf("asking for the properties of GPU %d", i)); err != nil {
			return nil, err
		}
		list[i] = Info{i, C.GoString(&name[0]), int(major), int(minor), int64(memory), int(driver)}
	}
	return list, nil
}

// A Device is a GPU in use, by the context that ONNX Runtime and everything else in the process share.
type Device struct {
	info    Info
	context C.uintptr_t

	mu     sync.Mutex
	closed bool
	live   map[string]int       // what was made and not yet given back, by kind
	locked map[*HostMemory]bool // page-locked memory, for Stream.Upload and Download
}

// Open takes the GPU at an index of [Devices] into use.
func Open(index int) (*Device, error) {
	list, err := Devices()
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= len(list) {
		return nil, fmt.Errorf("GPU %d: %w of that number, there are %d", index, ErrNoDevice, len(list))
	}
	d := &Device{info: list[index], live: map[string]int{}, locked: map[*HostMemory]bool{}}
	err = signals.Keep(func() error {
		return failure(C.fovea_cuda_retain(C.int(index), &d.context), fmt.Sprintf("taking GPU %d into use", index))
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Info returns the description of the GPU.
func (d *Device) Info() Info { return d.info }

// Free returns the free and the total bytes of the GPU's memory.
func (d *Device) Free() (free, total int64, err error) {
	var f, t C.size_t
	result := C.fovea_cuda_memory(d.context, &f, &t)
	err = failure(result, fmt.Sprintf("GPU %d: asking for the free memory", d.info.Index))
	return int64(f), int64(t), err
}

// With calls f on a thread whose current GPU is this one, for libraries that use the current one.
func (d *Device) With(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.failure(C.fovea_cuda_current(d.context), 0, "making it the current one"); err != nil {
		return err
	}
	return f()
}

// Close gives the GPU back. It fails, and leaves the GPU in use, while memory, streams, events or modules are in use.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("closing GPU %d: it was closed before", d.info.Index)
	}
	for kind, n := range d.live {
		if n > 0 {
			return fmt.Errorf("closing GPU %d: %d × %s still in use", d.info.Index, n, kind)
		}
	}
	d.closed = true
	return failure(C.fovea_cuda_release(C.int(d.info.Index)), fmt.Sprintf("giving GPU %d back", d.info.Index))
}
