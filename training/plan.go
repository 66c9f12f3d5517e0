package training

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"

	"fovea/data"
	"fovea/data/augment"
	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/internal/progress"
	"fovea/training/config"
	"fovea/training/optim"
)

// setup is what a config and a number of classes decide.
type setup struct {
	config   *config.Config
	network  network
	layout   optim.Layout
	schedule optim.Schedule
	policy   *augment.Policy // nil: none
	weights  *weightFile     // that the parameters begin with; nil until it is opened
}

// plan is a setup with the dataset that it is for.
type plan struct {
	*setup
	classes          []string
	train, val, test *data.Split
	cache            *data.Cache      // of decoded images, from verify on; nil: none
	contents         [][]data.Fingerprint // of the images of each split, from verify on
}

func newSetup(ctx context.Context, cfg *config.Config, classes int, progress progress.Func) (*setup, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Training.Batch == config.Auto {
		return nil, errors.New(`training.batch is "auto" still: a learner needs a number`)
	}
	policy, err := augment.Parse(cfg.Augment.Policy)
	if err != nil {
		return nil, err
	}
	n, err := newNetwork(ctx, cfg, classes, progress)
	if err != nil {
		return nil, err
	}
	r := &setup{
		config: cfg, network: n,
		schedule: optim.Schedule{Base: cfg.LearningRate(), Min: cfg.Schedule.MinLR,
			Warmup: float64(cfg.Schedule.Warmup), Epochs: float64(cfg.Schedule.Epochs)},
		policy: policy,
	}
	r.layout, err = optim.NewLayout(n.tensors(), optim.Decay{Layer: cfg.Optimizer.LayerDecay, Weight: cfg.Optimizer.WeightDecay})
	if err == nil {
		err = r.freeze()
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return r, nil
}

// trainingGraph is one forward and backward pass of what is trained.
func (p *setup) trainingGraph() (*graphs.Graph, error) {
	build := artifacts.Training
	if p.probes() {
		build = artifacts.Probe
	}
	return build(p.network, int64(p.config.Training.Batch), p.options())
}

// options of the training graph.
func (p *setup) options() artifacts.Options {
	o := artifacts.Options{Focal: p.config.Loss.Focal, Frozen: map[string]bool{},
		Recompute: p.config.Training.Recompute != "none"}
	for _, t := range p.layout.Params {
		o.Frozen[t.Name] = t.Frozen
	}
	return o
}

// newPlan opens the dataset and derives everything that follows from it.
func newPlan(ctx context.Context, cfg *config.Config, progress progress.Func) (*plan, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	set, err := openDataset(cfg)
	if err != nil {
		return nil, err
	}
	if cfg, err = withBatch(ctx, cfg, set, progress); err != nil {
		return nil, err
	}
	r, err := newSetup(ctx, cfg, len(set.Train.Classes), progress)
	if err != nil {
		return nil, err
	}
	p := &plan{setup: r, classes: set.Train.Classes, train: set.Train, val: set.Val, test: set.Test}
	if err := p.checkBatches(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// checkBatches tells whether an epoch has room for an optimizer step.
func (p *plan) checkBatches() error {
	t, n := p.config.Training, len(p.train.Samples)
	batches := n / t.Batch
	switch {
	case batches == 0:
		return fmt.Errorf("training.batch is %d, but %s has only %d images: set it to %d or less",
			t.Batch, p.train.Dir, n, n)
	case t.Accumulate > batches:
		return fmt.Errorf("training.accumulate is %d, but %s has only %d batches of %d images: set it to %d or less",
			t.Accumulate, p.train.Dir, batches, t.Batch, batches)
	}
	return nil
}

// initialize puts what parameters begin with into an arena, over the cores, and then
// loads those that model.weights has.
func (p *setup) initialize(arena []float32) error {
	var draws sync.WaitGroup
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, t := range p.layout.Params {
		limit <- struct{}{}
		draws.Go(func() {
			p.network.initialize(i, t.View(arena), uint64(p.config.Seed))
			<-limit
		})
	}
	draws.Wait()
	return p.loadWeights(arena)
}

// described lists the parameters for artifacts.json.
func (p *setup) described() []artifacts.Parameter {
	var out []artifacts.Parameter
	for _, t := range p.layout.Params {
		out = append(out, artifacts.Parameter{Name: t.Name, Shape: t.Shape,
			Layer: t.Layer, RateScale: t.LRScale, WeightDecay: t.WeightDecay, Frozen: t.Frozen})
	}
	return out
}

// verify decodes every image before the first step, into the cache if there is
// one, and makes sure that what is left can be trained.
func (p *plan) verify(ctx context.Context, progress progress.Func) (err error) {
	d := p.config.Data
	if d.Cache != "" {
		if p.cache, err = data.OpenCache(d.Cache, p.cacheSide()); err != nil {
			return fmt.Errorf("data.cache: %w", err)
		}
	}
	p.contents, err = verify(ctx, p.splits(), d.Workers, p.cache, p.transform, d.Unreadable == "skip",
		`set data.unreadable = "skip"`, progress)
	if err != nil {
		return err
	}
	if err := p.checkClasses(); err != nil {
		return err
	}
	return p.checkBatches()
}

// digests identify the images of each split, by path and class: with other
// images a resumed run would not be the same.
func (p *plan) digests() map[string]string {
	out := map[string]string{}
	for _, s := range p.splits() {
		sum := sha256.New()
		for _, x := range s.Samples {
			path, err := filepath.Rel(s.Dir, x.Path)
			if err != nil {
				path = x.Path
			}
			fmt.Fprintf(sum, "%s\x00%d\n", filepath.ToSlash(path), x.Class)
		}
		out[filepath.Base(s.Dir)] = hex.EncodeToString(sum.Sum(nil))
	}
	return out
}

func (p *plan) splits() []*data.Split { return []*data.Split{p.train, p.val, p.test} }

// cacheSide is the largest shorter side of a kept training image: by default
// twice the crop's, so that most crops are reduced rather than enlarged.
func (p *plan) cacheSide() int {
	if s := p.config.Data.CacheSide; s > 0 {
		return s
	}
	return max(2*p.config.Data.Size, 512)
}

// transform is that of one of the splits. A linear probe sees all as in
// evaluation.
func (p *plan) transform(s *data.Split) data.Transform {
	if s == p.train && !p.probes() {
		return p.trainTransform()
	}
	return p.evalTransform()
}

func (p *plan) trainTransform() data.Transform {
	d, a := p.config.Data, p.config.Augment
	return data.TrainTransform{Size: d.Size, Scale: a.CropScale, Ratio: a.CropRatio, HorizontalFlip: a.HorizontalFlip,
		VerticalFlip: a.VerticalFlip, QuarterTurns: a.QuarterTurns, Shift: a.Shift,
		Policy: p.policy, ColorJitter: a.ColorJitter, Mean: narrow(d.Mean), Std: narrow(d.Std),
		Erase: augment.Eraser{Probability: a.Erase, Mode: augment.EraseMode(a.EraseMode), Count: a.EraseCount}}
}

func (p *plan) evalTransform() data.EvalTransform {
	d := p.config.Data
	crop := d.CropPct
	if crop == 0 {
		crop = data.CropFraction(d.Size)
	}
	return data.EvalTransform{Size: d.Size, CropPct: crop, Mean: narrow(d.Mean), Std: narrow(d.Std)}
}

func narrow(x [3]float64) [3]float32 {
	return [3]float32{float32(x[0]), float32(x[1]), float32(x[2])}
}
