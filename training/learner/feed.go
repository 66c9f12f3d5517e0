package learner

import (
	"errors"
	"fmt"
	"slices"

	"fovea/onnx/cuda"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
)

// A feed brings batches to a session's inputs, which stay where they are. On a GPU a batch is written into page-locked
// memory and copied while the batch before it is computed. Two slots take turns.
type feed struct {
	cleanup
	device *engine.Device
	inputs *ort.Memory // one after another
	fields map[string]field
	slots  []slot // on a GPU
	turn   int
}

// A field describes an input: its elements from start to end in the memory of all inputs.
type field struct {
	start, end int
	shape      []int64
}

// A slot holds a batch on its way to a GPU.
type slot struct {
	host              *cuda.HostMemory
	memory            *cuda.Memory
	uploaded, emptied *cuda.Event // host is free again, memory is free again
}

// newFeed binds the session's inputs of these names, float32, where it has them. The caller closes the feed even if
// there is an error.
func newFeed(d *engine.Device, s *ort.Session, names ...string) (*feed, error) {
	f := &feed{device: d, fields: map[string]field{}}
	const align = 64 // elements, of what the runtime reads
	size := 0
	for _, info := range s.Inputs() {
		if !slices.Contains(names, info.Name) {
			continue
		}
		n := 1
		for _, d := range info.Shape {
			n *= int(d)
		}
		f.fields[info.Name] = field{size, size + n, info.Shape}
		size += (n + align - 1) / align * align
	}
	if d != nil {
		// A batch may have been sent and never delivered: a stream must not find its memory gone.
		f.add(d.Copies.Synchronize)
	}
	var err error
	if f.inputs, err = d.AllocateFloat32(size); err != nil {
		return f, err
	}
	f.add(f.inputs.Free)
	for name, x := range f.fields {
		if err := bind(s, name, f.inputs, x.start, x.shape...); err != nil {
			return f, err
		}
	}
	if d != nil {
		err = f.addSlots(4 * size)
	}
	return f, err
}

func (f *feed) addSlots(bytes int) (err error) {
	f.slots = make([]slot, 2)
	for i := range f.slots {
		s := &f.slots[i]
		if s.host, err = f.device.AllocateHost(bytes); err != nil {
			return err
		}
		f.add(s.host.Free)
		if s.memory, err = f.device.Allocate(bytes); err != nil {
			return err
		}
		f.add(s.memory.Free)
		for _, e := range []**cuda.Event{&s.uploaded, &s.emptied} {
			if *e, err = f.device.NewEvent(); err != nil {
				return err
			}
			f.add((*e).Close)
		}
	}
	return nil
}

// begin waits until the next batch may be written.
func (f *feed) begin() error {
	if f.device == nil {
		return nil
	}
	f.turn = 1 - f.turn
	return f.slots[f.turn].uploaded.Synchronize()
}

// values returns the memory for an input of the next batch, nil if the session has no input of that name.
func (f *feed) values(name string) []float32 {
	x, ok := f.fields[name]
	if !ok {
		return nil
	}
	if f.device == nil {
		return f.inputs.Float32()[x.start:x.end]
	}
	return f.slots[f.turn].host.Float32()[x.start:x.end]
}

// shape returns the shape of an input, nil if the session has none of that name.
func (f *feed) shape(name string) []int64 { return f.fields[name].shape }

// put writes an input of the next batch.
func (f *feed) put(name string, values []float32) error {
	to := f.values(name)
	if len(values) != len(to) {
		return fmt.Errorf("the batch has %d values of %s, not %d: it must be full", len(values), name, len(to))
	}
	copy(to, values)
	return nil
}

// send starts the batch that was written on its way.
func (f *feed) send() error {
	if f.device == nil {
		return nil
	}
	s, copies := f.slots[f.turn], f.device.Copies
	return errors.Join(copies.Wait(s.emptied), copies.Upload(s.memory, 0, s.host.Bytes()), copies.Record(s.uploaded))
}

// deliver puts the batch that was sent into the inputs, for the runs that are enqueued from now on.
func (f *feed) deliver() error {
	if f.device == nil {
		return nil
	}
	s, compute := f.slots[f.turn], f.device.Compute
	return errors.Join(compute.Wait(s.uploaded), compute.Copy(f.inputs.Device(), 0, s.memory, 0, s.memory.Size()),
		compute.Record(s.emptied))
}
