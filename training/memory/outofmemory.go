package memory

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"fovea/onnx/cuda"
	"fovea/training/config"
)

// OutOfMemory reports whether lack of memory made something fail.
func OutOfMemory(err error) bool {
	if err == nil {
		return false
	}
	var device *cuda.OutOfMemory
	if errors.As(err, &device) {
		return true
	}
	for _, words := range []string{
		"Failed to allocate memory for requested buffer of size", // ONNX Runtime's arena (bfc_arena.cc)
		"is smaller than requested bytes of",                     // the same with a limit
		"CUDA failure 2: out of memory",                          // cudaErrorMemoryAllocation
		"CUBLAS_STATUS_ALLOC_FAILED", "CUBLAS failure 3", "CUDNN_STATUS_ALLOC_FAILED",
		"CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", // cuDNN 9's name
		"std::bad_alloc", "bad allocation", // C++
		"cannot allocate memory", // ENOMEM of Unix
	} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// Explain adds to err, the failure of a step, which batch there is memory for and what else helps.
func Explain(err error, c *config.Config, m Probe) error {
	batch := c.Training.Batch
	b := Candidates{least: 1, most: powerOfTwo(batch - 1)}
	if c.Augment.Mixes() {
		b.least = 2
	}
	free, unknown := m.Free()
	fits := m.Fits
	if fits == nil && unknown == nil {
		if n, failed := m.Need(batch); failed == nil {
			fits = func(batch int) (bool, error) { return n.Of(batch) <= usable(free), nil }
		}
	}
	left := ""
	if unknown == nil {
		left = fmt.Sprintf(" (%s are free without it)", mebibytes(free))
	}
	advice := "set a smaller training.batch; or "
	if batch <= b.least {
		advice = ""
	} else if fits != nil {
		if fit, failed := largestFit(b.most, b, fits); failed == nil {
			advice = smallerBatch(c, fit)
		}
	}
	return fmt.Errorf("there is not enough memory for training.batch = %d%s: %s%s: %w",
		batch, left, advice, lessMemory(c.Training.Recompute), err)
}

// smallerBatch returns advice to set the batch that fits; 0: none does.
func smallerBatch(c *config.Config, fit int) string {
	if fit == 0 {
		return "no smaller batch fits; "
	}
	advice := fmt.Sprintf("set training.batch = %d, the largest power of two that fits", fit)
	if batch := c.Training.Batch; batch%fit == 0 {
		advice += fmt.Sprintf(", with training.accumulate = %d for the same optimizer steps",
			c.Training.Accumulate*batch/fit)
	}
	return advice + "; or "
}

// lessMemory returns advice beside a smaller batch.
func lessMemory(recompute string) string {
	if recompute == "none" {
		return `set training.recompute = "full", also to go on with a run (-resume)`
	}
	return "choose a smaller model or data.size"
}

// Warn logs a warning where a run on the CPU is expected to need more memory than there is: Linux ends such a program
// without a word.
func Warn(c *config.Config, n Need, free int64) {
	if n.Of(c.Training.Batch) <= free {
		return
	}
	fit := 0
	if largest := n.Largest(usable(free)); largest > 0 {
		fit = powerOfTwo(min(largest, c.Training.Batch))
	}
	advice := smallerBatch(c, fit) + lessMemory(c.Training.Recompute)
	slog.Warn("the run may need more memory than there is, and then be ended by the system",
		"training.batch", c.Training.Batch, "needs about", mebibytes(n.Of(c.Training.Batch)), "free", mebibytes(free),
		"remedy", advice)
}
