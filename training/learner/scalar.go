package learner

import (
	"encoding/binary"
	"math"

	"fovea/onnx/engine"
	"fovea/onnx/ort"
)

// A scalar binds a float32 input or output of rank 0 of a session. Its values on Go's side are copies: one that is
// sent, or several that were received.
type scalar struct {
	cleanup
	device *engine.Device
	memory *ort.Memory
	copies []byte // on a GPU page-locked
}

// newScalar binds an input or output, with n copies on Go's side. The caller closes the scalar even if there is an
// error.
func newScalar(d *engine.Device, s *ort.Session, name string, n int) (*scalar, error) {
	x := &scalar{device: d, copies: make([]byte, 4*n)}
	var err error
	if x.memory, err = d.AllocateFloat32(1); err != nil {
		return x, err
	}
	x.add(x.memory.Free)
	if d != nil {
		pinned, err := d.AllocateHost(4 * n)
		if err != nil {
			return x, err
		}
		x.add(pinned.Free)
		x.copies = pinned.Bytes()
	}
	return x, bind(s, name, x.memory, 0)
}

// set makes the session read v from the next run on.
func (x *scalar) set(v float64) error {
	binary.NativeEndian.PutUint32(x.copies, math.Float32bits(float32(v)))
	if x.device == nil {
		copy(x.memory.Bytes(), x.copies)
		return nil
	}
	return x.device.Compute.Upload(x.memory.Device(), 0, x.copies[:4])
}

// receive takes the value of the last run as copy i. On a GPU it is there once the device has been waited for.
func (x *scalar) receive(i int) error {
	to := x.copies[4*i : 4*i+4]
	if x.device == nil {
		copy(to, x.memory.Bytes())
		return nil
	}
	return x.device.Compute.Download(to, x.memory.Device(), 0)
}

// value returns copy i.
func (x *scalar) value(i int) float64 {
	return float64(math.Float32frombits(binary.NativeEndian.Uint32(x.copies[4*i:])))
}
