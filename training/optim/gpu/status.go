package gpu

import (
	"fmt"
	"unsafe"

	"fovea/internal/numbers"
)

// Status is what the GPU found in the gradient of a step.
type Status struct {
	Squares float64 // the sum of the squares of what the session wrote
	Norm    float64 // of the gradient: the root of Squares / divisor
	Scale   float32 // the factor that the gradient was multiplied by: 1 / divisor, clipped
	finite  int32
}

// Finite reports whether the norm is finite: whether every element of the gradient is.
func (s Status) Finite() bool { return s.finite != 0 }

// StatusBytes is the size of a Status.
const StatusBytes = int(unsafe.Sizeof(Status{}))

// Download queues a copy of the status of the last Update to dst, which is page-locked ([fovea/onnx/cuda.HostMemory])
// or waited for, for [ReadStatus].
func (o *Optimizer) Download(dst []byte) error {
	if len(dst) != StatusBytes {
		return fmt.Errorf("the status of an optimizer step has %d bytes, not %d", StatusBytes, len(dst))
	}
	return o.stream.Download(dst, o.status, 0)
}

// ReadStatus reads what Download copied, when it is there.
func ReadStatus(b []byte) Status {
	s := make([]Status, 1)
	copy(numbers.Bytes(s), b)
	return s[0]
}
