package cuda

// #include "driver.h"
import "C"

import "unsafe"

// A Stream is a queue of work for a GPU. Its methods add work to the queue and return. The work of one stream is done
// in order, beside the work of other streams. Any method may return an error of work that was queued before.
type Stream struct{ resource }

// NewStream returns a stream that does not wait for CUDA's default stream.
func (d *Device) NewStream() (*Stream, error) {
	r, err := d.create("a stream", 0, func(handle *C.uintptr_t) C.int { return C.fovea_cuda_stream(d.context, handle) })
	if err != nil {
		return nil, err
	}
	return &Stream{r}, nil
}

// Handle returns the CUstream, which is also the runtime API's cudaStream_t, or 0 after Close.
func (s *Stream) Handle() uintptr { return uintptr(s.handle) }

// Close gives the stream back when its work is done. It does not wait for the work.
func (s *Stream) Close() error {
	return s.release(func(handle C.uintptr_t) C.int { return C.fovea_cuda_close_stream(s.device.context, handle) })
}

// Upload copies src to dst, from byte offset of dst on. If src is page-locked, it must stay unchanged until the copy is
// done; otherwise Upload waits for the copy.
func (s *Stream) Upload(dst *Memory, offset int, src []byte) error {
	to, err := dst.part(offset, len(src))
	if err != nil || len(src) == 0 {
		return err
	}
	return s.do("copying to the GPU", func(d *Device) C.int {
		return C.fovea_cuda_upload(d.context, s.handle, to, unsafe.Pointer(&src[0]), C.size_t(len(src)), d.waits(src))
	})
}

// Download copies from src, from byte offset of src on, to dst. If dst is page-locked, it may be read when the copy is
// done; otherwise Download waits for the copy.
func (s *Stream) Download(dst []byte, src *Memory, offset int) error {
	from, err := src.part(offset, len(dst))
	if err != nil || len(dst) == 0 {
		return err
	}
	return s.do("copying from the GPU", func(d *Device) C.int {
		return C.fovea_cuda_download(d.context, s.handle, unsafe.Pointer(&dst[0]), from, C.size_t(len(dst)),
			d.waits(dst))
	})
}

// Copy copies between two ranges of the GPU's memory, which must not overlap.
func (s *Stream) Copy(dst *Memory, dstOffset int, src *Memory, srcOffset, bytes int) error {
	to, err := dst.part(dstOffset, bytes)
	if err != nil {
		return err
	}
	from, err := src.part(srcOffset, bytes)
	if err != nil || bytes == 0 {
		return err
	}
	return s.do("copying within the GPU", func(d *Device) C.int {
		return C.fovea_cuda_copy(d.context, s.handle, to, from, C.size_t(bytes))
	})
}

// Zero fills bytes of dst with zeros, from byte offset on.
func (s *Stream) Zero(dst *Memory, offset, bytes int) error {
	to, err := dst.part(offset, bytes)
	if err != nil || bytes == 0 {
		return err
	}
	return s.do("zeroing memory", func(d *Device) C.int {
		return C.fovea_cuda_zero(d.context, s.handle, to, C.size_t(bytes))
	})
}

// Synchronize waits until all work that was queued is done.
func (s *Stream) Synchronize() error {
	return s.do("waiting for a stream", func(d *Device) C.int { return C.fovea_cuda_synchronize(d.context, s.handle) })
}

func (s *Stream) do(doing string, call func(*Device) C.int) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.device.failure(call(s.device), 0, "%s", doing)
}

// An Event is a place in a stream's queue that others can wait for.
type Event struct{ resource }

// NewEvent returns an event that was not recorded yet: waiting for it returns at once.
func (d *Device) NewEvent() (*Event, error) {
	r, err := d.create("an event", 0, func(handle *C.uintptr_t) C.int { return C.fovea_cuda_event(d.context, handle) })
	if err != nil {
		return nil, err
	}
	return &Event{r}, nil
}

// Close gives the event back.
func (e *Event) Close() error {
	return e.release(func(handle C.uintptr_t) C.int { return C.fovea_cuda_close_event(e.device.context, handle) })
}

// Record puts the event behind the work that is in the queue.
func (s *Stream) Record(e *Event) error {
	if err := e.check(); err != nil {
		return err
	}
	return s.do("recording an event", func(d *Device) C.int {
		return C.fovea_cuda_record(d.context, s.handle, e.handle)
	})
}

// Wait makes work that is queued from now on wait for the work before the event's last record.
func (s *Stream) Wait(e *Event) error {
	if err := e.check(); err != nil {
		return err
	}
	return s.do("waiting for an event", func(d *Device) C.int {
		return C.fovea_cuda_wait(d.context, s.handle, e.handle)
	})
}

// Synchronize waits until the work before the event is done.
func (e *Event) Synchronize() error {
	if err := e.check(); err != nil {
		return err
	}
	d := e.device
	return d.failure(C.fovea_cuda_synchronize_event(d.context, e.handle), 0, "waiting for an event")
}
