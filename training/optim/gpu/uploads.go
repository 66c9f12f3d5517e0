package gpu

import (
	"errors"

	"fovea/onnx/cuda"
)

// uploads holds buffers that take turns, so that one can be filled while the GPU still reads another. So the program
// runs at most that many steps ahead of the GPU.
type uploads struct {
	buffers [4]upload
	next    int
}

type upload struct {
	memory *cuda.HostMemory
	done   *cuda.Event // happens when the GPU has read the memory
}

func newUploads(d *cuda.Device, bytes int) (*uploads, error) {
	u := &uploads{}
	for i := range u.buffers {
		b := &u.buffers[i]
		var err error
		if b.memory, err = d.AllocateHost(bytes); err == nil {
			b.done, err = d.NewEvent()
		}
		if err != nil {
			return nil, errors.Join(err, u.close())
		}
	}
	return u, nil
}

// upload queues a copy of src to dst. src may change at once.
func (u *uploads) upload(s *cuda.Stream, dst *cuda.Memory, src []byte) error {
	b := &u.buffers[u.next]
	u.next = (u.next + 1) % len(u.buffers)
	if err := b.done.Synchronize(); err != nil {
		return err
	}
	copy(b.memory.Bytes(), src)
	if err := s.Upload(dst, 0, b.memory.Bytes()); err != nil {
		return err
	}
	return s.Record(b.done)
}

func (u *uploads) close() (err error) {
	for _, b := range u.buffers {
		if b.memory != nil {
			err = errors.Join(err, b.memory.Free())
		}
		if b.done != nil {
			err = errors.Join(err, b.done.Close())
		}
	}
	return err
}
