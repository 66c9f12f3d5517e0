package training

import (
	"errors"

	"fovea/onnx/cuda"
	"fovea/onnx/ort"
)

// device is the GPU that a run computes on. Nil stands for the CPU: then memory
// is the machine's, and work is done when the call that asks for it returns.
type device struct {
	*cuda.Device
	compute *cuda.Stream // sessions and the optimizer, in this order
	copies  *cuda.Stream // the next batch, meanwhile
	reached *cuda.Event  // where wait is to wait for
}

func openDevice() (*device, error) {
	d, err := cuda.Open(0)
	if err != nil {
		return nil, err
	}
	out := &device{Device: d}
	if out.compute, err = d.NewStream(); err == nil {
		out.copies, err = d.NewStream()
	}
	if err == nil {
		out.reached, err = d.NewEvent()
	}
	if err != nil {
		out.close()
		return nil, err
	}
	return out, nil
}

func (d *device) close() error {
	if d == nil {
		return nil
	}
	var failed []error
	for _, s := range []*cuda.Stream{d.compute, d.copies} {
		if s != nil {
			failed = append(failed, s.Close())
		}
	}
	if d.reached != nil {
		failed = append(failed, d.reached.Close())
	}
	return errors.Join(append(failed, d.Device.Close())...)
}

// allocate returns zeroed memory for n float32 values.
func (d *device) allocate(n int) (*ort.Memory, error) {
	if d == nil {
		return ort.Allocate(4 * n)
	}
	return ort.AllocateOn(d.Device, 4*n)
}

// copy copies memory of the same size.
func (d *device) copy(to, from *ort.Memory) error {
	if d == nil {
		copy(to.Bytes(), from.Bytes())
		return nil
	}
	return d.compute.Copy(to.Device(), 0, from.Device(), 0, from.Size())
}

// wait until all that was enqueued to be computed has been. Who waits for a
// stream keeps a processor busy meanwhile, which the loaders need; who waits for
// an event of package cuda sleeps.
func (d *device) wait() error {
	if d == nil {
		return nil
	}
	if err := d.compute.Record(d.reached); err != nil {
		return err
	}
	return d.reached.Synchronize()
}

// exchange gives the contents of arenas in the machine's memory to use. On a GPU
// these are copies: read before, where read is set, and written back after,
// where write is.
func (d *device) exchange(arenas []*ort.Memory, read, write bool, use func(contents []*ort.Memory) error) error {
	if d == nil {
		return use(arenas)
	}
	var contents []*ort.Memory
	for _, a := range arenas {
		c, err := ort.Allocate(a.Device().Size())
		if err != nil {
			return err
		}
		defer c.Free()
		if contents = append(contents, c); read {
			if err := d.compute.Download(c.Bytes(), a.Device(), 0); err != nil {
				return err
			}
		}
	}
	if err := d.wait(); err != nil {
		return err
	}
	if err := use(contents); err != nil || !write {
		return err
	}
	for i, a := range arenas {
		if err := d.compute.Upload(a.Device(), 0, contents[i].Bytes()); err != nil {
			return err
		}
	}
	return d.wait()
}
