package gpu

import (
	"fmt"
	"unsafe"

	"fovea/internal/numbers"
)

// A Status holds the norm that the GPU found for the gradient of a step.
type Status struct {
	Squares float64 // sum of the squares of the gradients as the session wrote them
	Norm    float64 // of the gradient: the root of Squares / divisor
	Scale   float32 // factor of the gradient: 1 / divisor, clipped
	finite  int32
}

// Finite reports whether the norm is finite, and with it every element of the gradient.
func (s Status) Finite() bool { return s.finite != 0 }

// StatusBytes is the size of a Status in bytes.
const StatusBytes = int(unsafe.Sizeof(Status{}))

// Download queues a copy of the status of the last Update to dst, which has StatusBytes, for [ReadStatus]. If dst is
// not page-locked ([fovea/onnx/cuda.HostMemory]), Download waits for the copy.
func (o *Optimizer) Download(dst []byte) error {
	if len(dst) != StatusBytes {
		return fmt.Errorf("the status of an optimizer step has %d bytes, not %d", StatusBytes, len(dst))
	}
	return o.stream.Download(dst, o.status, 0)
}

// ReadStatus returns the status that Download copied, once the copy is done.
func ReadStatus(b []byte) Status {
	s := make([]Status, 1)
	copy(numbers.Bytes(s), b)
	return s[0]
}
