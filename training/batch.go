package training

import (
	"context"
	"fmt"
	"log/slog"
	"math/bits"
	"path/filepath"

	"fovea/data"
	"fovea/internal/progress"
	"fovea/training/config"
)

// What training.batch = "auto" chooses from.
const (
	mostBatch  = 128 // RETFound's own default
	leastSteps = 8   // optimizer steps of an epoch
	plainBatch = 16  // the key's default, where nothing is known of memory
)

// withBatch returns cfg with the largest power of two that fits in the place of
// training.batch = "auto".
func withBatch(ctx context.Context, cfg *config.Config, set *data.Dataset, progress progress.Func) (*config.Config, error) {
	if cfg.Training.Batch != config.Auto {
		return cfg, nil
	}
	e, err := newEngine(ctx, cfg, progress)
	if err != nil {
		return nil, err
	}
	defer e.close()
	t := &trial{ctx: ctx, config: cfg, engine: e, set: set}
	batch, why, err := chooseBatch(batchesFor(cfg, len(set.Train.Samples)), t.memory())
	if err != nil {
		return nil, fmt.Errorf(`training.batch = "auto": %w`, err)
	}
	slog.Info("training.batch", "chosen", batch, "because", why)
	c := t.at(batch)
	if o := c.Optimizer; o.BLR == 0 {
		slog.Warn("optimizer.lr stays the same whatever batch is chosen, which differs between machines; optimizer.blr follows it",
			"lr", o.LR, "blr with the same rate here", o.LR*256/float64(batch*c.Training.Accumulate))
	}
	return c, c.Validate()
}

// withRecordedBatch returns cfg with the batch that a run was started with in the
// place of training.batch = "auto".
func withRecordedBatch(folder string, cfg *config.Config) (*config.Config, error) {
	if cfg.Training.Batch != config.Auto {
		return cfg, nil
	}
	before, err := config.Read(filepath.Join(folder, configFile), nil, nil)
	if err != nil {
		return nil, err
	}
	c := *cfg
	c.Training.Batch = before.Training.Batch
	return &c, nil
}

// batches are the powers of two to choose from.
type batches struct {
	least, most int
	bound       string // what most comes from
}

func batchesFor(c *config.Config, images int) batches {
	b := batches{least: 1, most: mostBatch, bound: "more is not tried"}
	if c.Augment.Mixes() {
		b.least = 2 // pairs of images are mixed
	}
	if room := images / (leastSteps * c.Training.Accumulate); room < mostBatch {
		b.most = max(powerOfTwo(room), b.least)
		b.bound = fmt.Sprintf("with more, an epoch of %d images would have fewer than %d optimizer steps", images, leastSteps)
	}
	return b
}

// powerOfTwo is the largest that is not above n, at least 1.
func powerOfTwo(n int) int { return 1 << (bits.Len(uint(max(n, 1))) - 1) }

// chooseBatch chooses one that fits, and tells why it is that one. Where steps
// cannot be tried it is the least even if that is not expected to fit.
func chooseBatch(b batches, m memory) (batch int, why string, err error) {
	n, err := m.reckon(b.least)
	if err != nil {
		return 0, "", err
	}
	free, unknown := m.free()
	expected := plainBatch
	if unknown == nil {
		expected = n.largest(usable(free))
	}
	expected = min(max(powerOfTwo(expected), b.least), b.most)
	switch {
	case m.fits != nil:
		batch, err = largestFit(expected, b, m.fits)
		if batch == 0 && err == nil {
			err = fmt.Errorf("the GPU has not the memory for a step of %d: %s", b.least, lessMemory(m.recompute))
		}
		why = fmt.Sprintf("a step of %d does not fit", 2*batch)
	case unknown != nil:
		return expected, unknown.Error(), nil
	default:
		batch = expected
		why = fmt.Sprintf("a run at %d needs about %s, at %d %s; %s are free, a tenth of them left alone", batch,
			mebibytes(n.of(batch)), 2*batch, mebibytes(n.of(2*batch)), mebibytes(free))
	}
	if batch == b.most {
		why = b.bound
	}
	return batch, why, err
}

// usable is how much of the free memory a run is made for.
func usable(free int64) int64 { return free - free/10 }

// largestFit is the largest batch that fits, 0 if not even the least does. It
// begins where that is expected, and takes for granted that half of what fits
// does.
func largestFit(expected int, b batches, fits func(batch int) (bool, error)) (int, error) {
	found := 0
	for batch := expected; batch >= b.least && batch <= b.most; {
		ok, err := fits(batch)
		if err != nil {
			return 0, err
		}
		switch {
		case ok && batch < expected: // twice as many were tried
			return batch, nil
		case ok:
			found = batch
			batch *= 2
		case found > 0:
			return found, nil
		default:
			batch /= 2
		}
	}
	return found, nil
}
