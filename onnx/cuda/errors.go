package cuda

// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"
)

var (
	// ErrNoDriver means that NVIDIA's driver is not installed.
	ErrNoDriver = errors.New("NVIDIA's driver is not installed")
	// ErrNoDevice means that the driver finds no GPU.
	ErrNoDevice = errors.New("NVIDIA's driver finds no GPU")
)

// An OutOfMemory error means that the GPU has less free memory than was asked for. Bytes is 0 if the driver asked for
// memory of its own, for instance for a kernel.
type OutOfMemory struct {
	Bytes, Free, Total int64
}

func (e *OutOfMemory) Error() string {
	asked := ""
	if e.Bytes > 0 {
		asked = fmt.Sprintf(": %s asked for", megabytes(e.Bytes))
	}
	return fmt.Sprintf("the GPU is out of memory%s, %s of %s free", asked, megabytes(e.Free), megabytes(e.Total))
}

func megabytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// failure returns the error of a call of the driver, in the driver's words. doing says what was being done.
func failure(result C.int, doing string) error {
	switch result {
	case 0:
		return nil
	case C.FOVEA_CUDA_NO_DEVICE:
		return fmt.Errorf("%s: %w", doing, ErrNoDevice)
	}
	name, text := C.fovea_cuda_error_name(result), C.fovea_cuda_error_text(result)
	if name == nil || text == nil {
		return fmt.Errorf("%s: CUDA error %d", doing, int(result))
	}
	return fmt.Errorf("%s: %s (%s)", doing, C.GoString(text), C.GoString(name))
}

// failure returns the error of a call on the device. bytes is the memory that the call asked for, 0 if unknown.
func (d *Device) failure(result C.int, bytes int, format string, args ...any) error {
	if result == 0 {
		return nil
	}
	doing := fmt.Sprintf("GPU %d: ", d.info.Index) + fmt.Sprintf(format, args...)
	if result != C.FOVEA_CUDA_OUT_OF_MEMORY {
		return failure(result, doing)
	}
	free, total, err := d.Free()
	if err != nil {
		return failure(result, doing)
	}
	return fmt.Errorf("%s: %w", doing, &OutOfMemory{int64(bytes), free, total})
}
