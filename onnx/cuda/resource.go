package cuda

// #include "driver.h"
import "C"

import "fmt"

// A resource is memory, a stream, an event or a module of a device, to be given back once.
type resource struct {
	device *Device
	kind   string
	handle C.uintptr_t // 0 once it is given back
}

// create makes a resource with a call of the driver. bytes is the memory that the call asks for, 0 if unknown.
func (d *Device) create(kind string, bytes int, call func(handle *C.uintptr_t) C.int) (resource, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := resource{device: d, kind: kind}
	if d.closed {
		return r, fmt.Errorf("GPU %d: making %s: the GPU was closed", d.info.Index, kind)
	}
	if err := d.failure(call(&r.handle), bytes, "making %s", kind); err != nil {
		return r, err
	}
	d.live[kind]++
	return r, nil
}

// release gives the resource back with a call of the driver.
func (r *resource) release(call func(handle C.uintptr_t) C.int) error {
	d := r.device
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := r.check(); err != nil {
		return err
	}
	handle := r.handle
	r.handle = 0
	d.live[r.kind]--
	return d.failure(call(handle), 0, "giving %s back", r.kind)
}

// check returns an error if the resource was given back.
func (r *resource) check() error {
	if r.handle == 0 {
		return fmt.Errorf("GPU %d: %s was given back before", r.device.info.Index, r.kind)
	}
	return nil
}
