package training

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"fovea/data"
	"fovea/graphs/artifacts"
	"fovea/graphs/vit"
	"fovea/training/config"
	"fovea/training/optim"
)

// recipe is what a config and a number of classes decide.
type recipe struct {
	config   *config.Config
	model    vit.Config
	layout   optim.Layout
	schedule optim.Schedule
}

// plan is a recipe with the dataset that it is for.
type plan struct {
	*recipe
	classes          []string
	train, val, test *data.Split
}

func newRecipe(cfg *config.Config, classes int) (*recipe, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := cfg.Model.Dimensions()
	r := &recipe{
		config: cfg,
		model: vit.Config{ImageSize: int64(cfg.Data.Size), Patch: int64(d.Patch), Width: int64(d.Width), Depth: d.Depth,
			Heads: int64(d.Heads), Classes: int64(classes), Pool: vit.Pool(cfg.Model.Pool),
			FCNormTwice: cfg.Model.FCNormTwice},
		schedule: optim.Schedule{Base: cfg.LearningRate(), Min: cfg.Schedule.MinLR,
			Warmup: float64(cfg.Schedule.Warmup), Epochs: float64(cfg.Schedule.Epochs)},
	}
	if err := r.model.Validate(); err != nil {
		return nil, err
	}
	var tensors []optim.Tensor
	for _, t := range r.model.Parameters() {
		tensors = append(tensors, optim.Tensor{Name: t.Name, Shape: t.Shape})
	}
	var err error
	r.layout, err = optim.NewLayout(tensors, optim.Decay{Depth: r.model.Depth, Layer: cfg.Optimizer.LayerDecay,
		Weight: cfg.Optimizer.WeightDecay})
	return r, err
}

// newPlan opens the dataset and derives everything that follows from it.
func newPlan(cfg *config.Config) (*plan, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	set, err := data.Open(cfg.Data.Dir)
	if err != nil {
		return nil, err
	}
	if n := len(set.Train.Samples); cfg.Training.Batch > n {
		return nil, fmt.Errorf("training.batch is %d, but %s has only %d images: set it to %d or less",
			cfg.Training.Batch, set.Train.Dir, n, n)
	} else if batches := n / cfg.Training.Batch; cfg.Training.Accumulate > batches {
		return nil, fmt.Errorf("training.accumulate is %d, but %s has only %d batches of %d images: set it to %d or less",
			cfg.Training.Accumulate, set.Train.Dir, batches, cfg.Training.Batch, batches)
	}
	r, err := newRecipe(cfg, len(set.Train.Classes))
	return &plan{recipe: r, classes: set.Train.Classes, train: set.Train, val: set.Val, test: set.Test}, err
}

// initialize draws untrained parameters into an arena.
func (p *recipe) initialize(arena []float32) {
	for i, t := range p.model.Parameters() {
		t.Initialize(p.layout.Params[i].View(arena), uint64(p.config.Seed), i)
	}
}

// described lists the parameters for artifacts.json.
func (p *recipe) described() []artifacts.Parameter {
	var out []artifacts.Parameter
	for _, t := range p.layout.Params {
		out = append(out, artifacts.Parameter{Name: t.Name, Shape: t.Shape,
			Layer: optim.LayerID(t.Name, p.model.Depth), RateScale: t.LRScale, WeightDecay: t.WeightDecay})
	}
	return out
}

// verify decodes every image before the first step. Unreadable ones are an
// error, or are left out if the config says so.
func (p *plan) verify(ctx context.Context, progress func(Update)) error {
	var all []data.Sample
	for _, s := range p.splits() {
		all = append(all, s.Samples...)
	}
	report := reporter(progress, "check images", "images")
	bad, err := data.Verify(ctx, all, p.config.Data.Workers, func(done, total int) { report(done, total, "") })
	if err != nil || len(bad) == 0 {
		return err
	}
	unreadable := &data.Unreadable{Images: bad, Total: len(all)}
	if p.config.Data.Unreadable != "skip" {
		return fmt.Errorf("%w\nor set data.unreadable = \"skip\" to leave them out", unreadable)
	}
	slog.Warn("images are left out", "reason", unreadable)
	skip := map[string]bool{}
	for _, b := range bad {
		skip[b.Sample.Path] = true
	}
	for _, s := range p.splits() {
		s.Samples = slices.DeleteFunc(s.Samples, func(x data.Sample) bool { return skip[x.Path] })
		for i, class := range s.Classes {
			if !slices.ContainsFunc(s.Samples, func(x data.Sample) bool { return x.Class == i }) {
				return fmt.Errorf("%s: no image of class %q is readable", s.Dir, class)
			}
		}
	}
	return nil
}

func (p *plan) splits() []*data.Split { return []*data.Split{p.train, p.val, p.test} }

func (p *plan) trainTransform() data.Transform {
	d, a := p.config.Data, p.config.Augment
	return data.TrainTransform{Size: d.Size, Scale: a.CropScale, Ratio: a.CropRatio, HorizontalFlip: a.HorizontalFlip,
		VerticalFlip: a.VerticalFlip, QuarterTurns: a.QuarterTurns, Shift: a.Shift,
		Mean: narrow(d.Mean), Std: narrow(d.Std)}
}

func (p *plan) evalTransform() data.EvalTransform {
	d := p.config.Data
	return data.EvalTransform{Size: d.Size, CropPct: d.CropFraction(), Mean: narrow(d.Mean), Std: narrow(d.Std)}
}

func narrow(x [3]float64) [3]float32 {
	return [3]float32{float32(x[0]), float32(x[1]), float32(x[2])}
}
