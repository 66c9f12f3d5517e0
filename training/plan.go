package training

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"fovea/internal/numbers"
	"fovea/onnx/engine"
	"fovea/training/config"
	"fovea/training/optim"
	"fovea/training/pace"
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

// work returns what a run has to do from a state on. Early stopping may leave some of it out.
func (p *plan) work(s *state) pace.Work {
	c := p.setup.config
	epochs, perEpoch := c.Schedule.Epochs-s.Epoch, p.epochSteps()
	w := pace.Work{Steps: epochs*perEpoch - s.Batch/c.Training.Accumulate, Images: len(p.data.test.Samples)}
	if most := c.Training.MaxSteps; most > 0 {
		if left := max(0, most-int(s.Step)); left < w.Steps {
			w.Steps, epochs = left, (left+perEpoch-1)/perEpoch
		}
	}
	w.Images += epochs * len(p.data.val.Samples)
	return w
}

// epochSteps returns the number of optimizer steps of an epoch.
func (p *plan) epochSteps() int {
	t := p.setup.config.Training
	return len(p.data.train.Samples) / t.Batch / t.Accumulate
}

// log says before the first step what is trained, and how many steps that takes.
func (p *plan) log(s *state) {
	c := p.setup.config
	name, total := c.Model.Arch, 0
	if c.Model.ONNX != "" {
		name = c.Model.ONNX
	}
	for _, t := range p.setup.layout.Params {
		total += t.Size
	}
	slog.Info("model", "name", name, "size", c.Data.Size, "parameters", numbers.Thousands(total),
		"trained", numbers.Thousands(p.setup.trained()), "weights", cmp.Or(c.Model.Weights, "none"))
	slog.Info("training", "epochs", fmt.Sprintf("%d-%d", s.Epoch+1, c.Schedule.Epochs), "steps", p.work(s).Steps,
		"images_per_step", c.Training.Batch*c.Training.Accumulate)
}

// forecast says how long the whole run takes. Where that is hours it warns, and says what takes less.
func (p *plan) forecast(left time.Duration, cost pace.Cost, onGPU bool) {
	until := time.Now().Add(left)
	slog.Info("the run takes about "+pace.Text(left), "step", cost.Step.Round(100*time.Microsecond),
		"until", until.Format("Mon 15:04"))
	if left < pace.Long {
		return
	}
	c := p.setup.config
	var ways []string
	if !onGPU {
		ways = append(ways, "a GPU (trainer doctor)")
	}
	if c.Model.Weights != "" && !p.setup.probes() {
		ways = append(ways, `model.adaptation = "linear_probe", which trains the head alone`)
	}
	ways = append(ways, "a smaller model.arch or data.size", fmt.Sprintf("fewer schedule.epochs than %d", c.Schedule.Epochs))
	slog.Warn("the run takes hours; Ctrl-C stops it", "about", pace.Text(left), "faster", strings.Join(ways, "; or "))
}
