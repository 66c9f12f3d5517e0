package learner

import (
	"encoding/binary"
	"errors"
	"math"

	"fovea/onnx/cuda"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
)

// A scalar binds a float32 input or output of rank 0 of a session. Its values on Go's side are copies: one that is
// sent, or several that were received.
type scalar struct {
	device *engine.Device
	memory *ort.Memory
	pinned *cuda.HostMemory // on a GPU, the copies
	copies []byte
}

// newScalar binds an input or output, with n copies on Go's side.
func newScalar(d *engine.Device, s *ort.Session, name string, n int) (_ *scalar, err error) {
	x := &scalar{device: d}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	if x.memory, err = d.AllocateFloat32(1); err != nil {
		return nil, err
	}
	x.copies = make([]byte, 4*n)
	if d != nil {
		if x.pinned, err = d.AllocateHost(4 * n); err != nil {
			return nil, err
		}
		x.copies = x.pinned.Bytes()
	}
	t, err := x.memory.Tensor(0, pb.TensorProto_FLOAT)
	if err != nil {
		return nil, err
	}
	return x, errors.Join(s.Bind(name, t), t.Close())
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

func (x *scalar) close() error {
	if x == nil {
		return nil
	}
	var failed []error
	if x.memory != nil {
		failed = append(failed, x.memory.Free())
	}
	if x.pinned != nil {
		failed = append(failed, x.pinned.Free())
	}
	return errors.Join(failed...)
}
