package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"fovea/data"
	"fovea/onnx/cuda"
	"fovea/training/config"
)

// outOfMemory tells whether that is why something failed.
func outOfMemory(err error) bool {
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

// explain adds to a failure of the run for lack of memory which batch there is
// memory for. The learner must be closed.
func (r *run) explain(ctx context.Context, err error) error {
	if !outOfMemory(err) {
		return err
	}
	if failed := r.engine.renewDevice(); failed != nil {
		return errors.Join(err, failed)
	}
	t := &trial{ctx, r.plan.config, r.engine, &data.Dataset{Train: r.plan.train, Val: r.plan.val, Test: r.plan.test}}
	return explainMemory(err, r.plan.config, t.memory())
}

// explainMemory adds to err, a step's, which batch there is memory for and what
// else helps.
func explainMemory(err error, c *config.Config, m memory) error {
	batch := c.Training.Batch
	b := batches{least: 1, most: powerOfTwo(batch - 1)}
	if c.Augment.Mixes() {
		b.least = 2
	}
	free, unknown := m.free()
	fits := m.fits
	if fits == nil && unknown == nil {
		if n, failed := m.reckon(batch); failed == nil {
			fits = func(batch int) (bool, error) { return n.of(batch) <= usable(free), nil }
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

// smallerBatch advises to set the batch that fits, or something else; 0: none fits.
func smallerBatch(c *config.Config, fit int) string {
	if fit == 0 {
		return "no smaller batch fits; "
	}
	advice := fmt.Sprintf("set training.batch = %d, the largest power of two that fits", fit)
	if batch := c.Training.Batch; batch%fit == 0 {
		advice += fmt.Sprintf(", with training.accumulate = %d for the same optimizer steps", c.Training.Accumulate*batch/fit)
	}
	return advice + "; or "
}

// lessMemory advises what else there is than a smaller batch.
func lessMemory(recompute string) string {
	if recompute == "none" {
		return `set training.recompute = "full", also to go on with a run (-resume)`
	}
	return "choose a smaller model or data.size"
}

// warnMemory warns before the first step of a run on the CPU that is expected to
// need more memory than there is: Linux ends such a program without a word.
func (r *run) warnMemory() error {
	free, err := r.engine.free()
	if err != nil || r.engine.options.Provider != "cpu" {
		return nil // a GPU says so itself
	}
	n, err := r.plan.need(r.engine)
	if err != nil {
		return err
	}
	c := r.plan.config
	if n.of(c.Training.Batch) <= free {
		return nil
	}
	fit := 0
	if largest := n.largest(usable(free)); largest > 0 {
		fit = powerOfTwo(min(largest, c.Training.Batch))
	}
	advice := smallerBatch(c, fit) + lessMemory(c.Training.Recompute)
	slog.Warn("the run may need more memory than there is, and then be ended by the system", "training.batch", c.Training.Batch,
		"needs about", mebibytes(n.of(c.Training.Batch)), "free", mebibytes(free), "remedy", advice)
	return nil
}
