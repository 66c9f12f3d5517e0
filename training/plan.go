package training

import (
	"context"
	"fmt"

	"fovea/onnx/engine"
	"fovea/training/config"
	"fovea/training/optim"
)

// A plan is a model and the dataset that it is trained on.
type plan struct {
	setup    *setup
	data     *dataset
	schedule optim.Schedule
}

// newPlan derives from a config and its dataset everything that follows from them. With training.batch = "auto" it
// tries batches on the engine. A config that needs no runtime needs no engine. All processes of the dataset's group
// call it.
func newPlan(ctx context.Context, cfg *config.Config, set *dataset, e *engine.Engine) (p *plan, err error) {
	if cfg.Training.Batch == config.Auto {
		if cfg, err = chooseBatch(ctx, cfg, set, e); err != nil {
			return nil, err
		}
	}
	p, err = planFor(ctx, cfg, set)
	if err == nil {
		err = p.checkBatches()
	}
	if err := set.group.Agree(err); err != nil {
		if p != nil {
			p.setup.close()
		}
		return nil, err
	}
	p.setup.group = set.group
	return p, nil
}

// planFor makes the plan of a config that has a batch size.
func planFor(ctx context.Context, cfg *config.Config, set *dataset) (*plan, error) {
	s, err := newSetup(ctx, cfg, len(set.classes))
	if err != nil {
		return nil, err
	}
	return &plan{s, set, scheduleOf(cfg)}, nil
}

func scheduleOf(c *config.Config) optim.Schedule {
	return optim.Schedule{Base: c.LearningRate(), Min: c.Schedule.MinLR,
		Warmup: float64(c.Schedule.Warmup), Epochs: float64(c.Schedule.Epochs)}
}

// checkBatches reports an error if an epoch has no room for an optimizer step.
func (p *plan) checkBatches() error {
	t, train := p.setup.config.Training, p.data.train
	n := len(train.Samples)
	batches := n / t.Batch
	switch {
	case batches == 0:
		return fmt.Errorf("training.batch is %d, but %s has only %d images: set it to %d or less",
			t.Batch, train, n, n)
	case t.Accumulate > batches:
		return fmt.Errorf("training.accumulate is %d, but %s has only %d batches of %d images: set it to %d or less",
			t.Accumulate, train, batches, t.Batch, batches)
	}
	return nil
}
