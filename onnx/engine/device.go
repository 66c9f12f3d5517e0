package engine

import (
	"errors"

	"fovea/onnx/cuda"
	"fovea/onnx/ort"
)

// A Device holds the GPU that sessions run on, with the streams that work is enqueued on. A nil Device stands for the
// CPU: memory is then the machine's, and every call returns when its work is done.
type Device struct {
	*cuda.Device
	Compute *cuda.Stream // runs sessions and what follows them, in order
	Copies  *cuda.Stream // brings the next batch meanwhile

	reached *cuda.Event // end of the work that Wait waits for
}

func openDevice(gpu int) (*Device, error) {
	d, err := cuda.Open(gpu)
	if err != nil {
		return nil, err
	}
	out := &Device{Device: d}
	if out.Compute, err = d.NewStream(); err == nil {
		out.Copies, err = d.NewStream()
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

func (d *Device) close() error {
	if d == nil {
		return nil
	}
	var failed []error
	for _, s := range []*cuda.Stream{d.Compute, d.Copies} {
		if s != nil {
			failed = append(failed, s.Close())
		}
	}
	if d.reached != nil {
		failed = append(failed, d.reached.Close())
	}
	return errors.Join(append(failed, d.Device.Close())...)
}

// AllocateFloat32 returns zeroed memory for n float32 values.
func (d *Device) AllocateFloat32(n int) (*ort.Memory, error) {
	if d == nil {
		return ort.Allocate(4 * n)
	}
	return ort.AllocateOn(d.Device, 4*n)
}

// Wait returns when all work that was enqueued on Compute is done. It waits for an event, which lets the thread sleep.
// Waiting for the stream itself would keep a processor busy, which the loaders need.
func (d *Device) Wait() error {
	if d == nil {
		return nil
	}
	if err := d.Compute.Record(d.reached); err != nil {
		return err
	}
	return d.reached.Synchronize()
}

// Exchange calls use with the contents of arenas in the machine's memory. Those of arenas on a GPU are copies: with read
// they are filled from the arenas first, and with write they are copied back afterwards.
func (d *Device) Exchange(arenas []*ort.Memory, read, write bool, use func(contents []*ort.Memory) error) error {
	if d == nil {
		return use(arenas)
	}
	var contents []*ort.Memory
	for _, a := range arenas {
		if a.Device() == nil {
			contents = append(contents, a)
			continue
		}
		c, err := ort.Allocate(a.Device().Size())
		if err != nil {
			return err
		}
		defer c.Free()
		if contents = append(contents, c); read {
			if err := d.Compute.Download(c.Bytes(), a.Device(), 0); err != nil {
				return err
			}
		}
	}
	if err := d.Wait(); err != nil {
		return err
	}
	if err := use(contents); err != nil || !write {
		return err
	}
	for i, a := range arenas {
		if a.Device() == nil {
			continue
		}
		if err := d.Compute.Upload(a.Device(), 0, contents[i].Bytes()); err != nil {
			return err
		}
	}
	return d.Wait()
}
