package training

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"sync"

	"fovea/configs"
	"fovea/graphs"
	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/inference"
	"fovea/internal/numbers"
	"fovea/models"
	"fovea/models/imported"
	"fovea/models/pretrained"
	"fovea/onnx/engine"
	"fovea/training/collective"
	"fovea/training/config"
	"fovea/training/learner"
	"fovea/training/memory"
	"fovea/training/optim"
)

// A setup is the model of a config for a number of classes, with its parameters placed in an arena.
type setup struct {
	config  *config.Config
	model   models.Model
	layout  optim.Layout
	weights *pretrained.File  // of model.weights; nil: not opened, or none
	group   *collective.Group // of processes that train together
	gpus    *collective.GPUs  // of the group; nil: one process, or CPUs
}

// newSetup opens the model of a config. For a model from a file, ONNX Runtime must be loaded.
func newSetup(ctx context.Context, cfg *config.Config, classes int) (*setup, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Training.Batch == config.Auto {
		return nil, errors.New(`training.batch is "auto" still: a learner needs a number`)
	}
	m, err := openModel(ctx, cfg, classes)
	if err != nil {
		return nil, err
	}
	if c := cfg.Model; c.Adaptation == "lora" {
		o := models.LoRA{Rank: int64(c.LoRARank), Alpha: c.LoRAAlpha, Targets: c.LoRATargets}
		adapted, err := models.AddLoRA(m, o, int64(cfg.Training.Batch))
		if err != nil {
			m.Close()
			return nil, err
		}
		m = adapted
	}
	s := &setup{config: cfg, model: m, group: collective.Local(1)[0]}
	var tensors []optim.Tensor
	for _, p := range m.Parameters() {
		tensors = append(tensors, optim.Tensor{Name: p.Name, Shape: p.Shape, Layer: p.Layer, Decay: p.Decay})
	}
	decay := optim.Decay{Layer: cfg.Optimizer.LayerDecay, Weight: cfg.Optimizer.WeightDecay}
	if s.layout, err = optim.NewLayout(tensors, decay); err == nil {
		err = s.freeze()
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return s, nil
}

func openModel(ctx context.Context, cfg *config.Config, classes int) (models.Model, error) {
	if cfg.Model.ONNX == "" {
		c := cfg.Model.Dimensions().Config(cfg.Data.Size, classes)
		c.FCNormTwice = cfg.Model.FCNormTwice
		return models.NewViT(c)
	}
	o := imported.Options{Size: int64(cfg.Data.Size), Batch: int64(cfg.Training.Batch), Classes: int64(classes),
		Head: cfg.Model.Head, Layering: transfer.Layering{Parts: cfg.Optimizer.Layers}}
	if text := cfg.Optimizer.LayerPattern; text != "" {
		pattern, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("optimizer.layer_pattern: %w", err)
		}
		o.Layering.By = pattern
	}
	m, err := models.OpenFile(ctx, cfg.Model.ONNX, o)
	if err != nil {
		return nil, fmt.Errorf("model.onnx: %w", err)
	}
	return m, nil
}

// report logs what is about to be trained, and warns where a file that states how its images were normalised, as those
// of Fovea do, was trained on others.
func (s *setup) report() {
	if attributes := s.model.Attributes(); attributes != nil {
		slog.Info("model", attributes...)
	}
	m := s.model
	if adapted, ok := m.(*models.Adapted); ok {
		m = adapted.Model
	}
	file, ok := m.(*models.File)
	if !ok {
		return
	}
	before := inference.Normalisation(file.Metadata)
	for name, now := range map[string][3]float64{"mean": s.config.Data.Mean, "std": s.config.Data.Std} {
		if was, stated := before[name]; stated && was != narrow(now) {
			slog.Warn("the model was trained on images that were normalised otherwise", "key", "data."+name,
				"now", now, "before", was)
		}
	}
}

// trainingGraph returns one forward and backward pass of what is trained.
func (s *setup) trainingGraph() (*graphs.Graph, error) {
	build := artifacts.Training
	if s.probes() {
		build = artifacts.Probe
	}
	return build(s.model, int64(s.config.Training.Batch), s.options())
}

// evaluationGraph returns the forward pass that validation runs.
func (s *setup) evaluationGraph() (*graphs.Graph, error) {
	build := artifacts.Eval
	if s.probes() {
		build = artifacts.ProbeEval
	}
	return build(s.model, int64(s.config.Training.Batch))
}

// options returns those of the training graph.
func (s *setup) options() artifacts.Options {
	o := artifacts.Options{Focal: s.config.Loss.Focal, Frozen: map[string]bool{},
		Recompute: s.config.Training.Recompute != "none"}
	for _, t := range s.layout.Params {
		o.Frozen[t.Name] = t.Frozen
	}
	if l := s.config.Loss; s.config.Model.Teacher != "" {
		o.Distil = &artifacts.Distillation{Temperature: l.Temperature, Hard: l.HardWeight}
	}
	return o
}

// images returns the name of the input that a step and validation read: images, or the features of a linear probe.
func (s *setup) images() string {
	if s.probes() {
		return artifacts.Features
	}
	return s.model.Images()
}

// learner makes a training graph ready to train on an engine.
func (s *setup) learner(e *engine.Engine, g *graphs.Graph) (*learner.Learner, error) {
	c := s.config
	settings := learner.Settings{Layout: s.layout, AdamW: adamw(c), Clip: c.Optimizer.Clip,
		EMA: c.Training.EMA, Accumulate: c.Training.Accumulate, Workers: c.Runtime.Threads,
		Images: s.images(), DropPath: c.Model.DropPath, Seed: uint64(c.Seed),
		TrainedAlone: s.trainsPart()}
	if s.group.Size() > 1 {
		settings.Group, settings.GPUs, settings.Bucket = s.group, s.gpus, c.Runtime.Bucket<<20/4
	}
	return learner.New(settings, e, g)
}

// joinGPUs joins the GPUs of a group's engines. It returns nil for CPUs and for one process.
func joinGPUs(ctx context.Context, g *collective.Group, e *engine.Engine) (gpus *collective.GPUs, err error) {
	if g.Size() == 1 {
		return nil, nil
	}
	onGPU := 0.0
	if e.Device() != nil {
		onGPU = 1
	}
	all, err := g.Gather([]float64{onGPU}, slices.Repeat([]int{1}, g.Size()))
	switch {
	case err != nil:
		return nil, err
	case slices.Max(all) == 0:
		return nil, nil
	case slices.Min(all) == 0:
		err = fmt.Errorf(`rank %d computes on the CPU and rank %d on a GPU: set runtime.provider = "cuda", which says why `+
			"the first has no GPU", slices.Index(all, 0), slices.Index(all, 1))
	default:
		gpus, err = g.GPUs(engine.NCCL(ctx), e.Device().Info().Index)
	}
	if err := g.Agree(err); err != nil {
		return nil, err
	}
	slog.Info("GPUs", "processes", g.Size(), "gpu", e.Device().Info().Index, "joined by", gpus.Library())
	return gpus, nil
}

func adamw(c *config.Config) optim.AdamW {
	return optim.AdamW{Beta1: c.Optimizer.Beta1, Beta2: c.Optimizer.Beta2, Eps: c.Optimizer.Eps}
}

// need computes the memory of a run on an engine.
func (s *setup) need(e *engine.Engine) (memory.Need, error) {
	training, err := s.trainingGraph()
	if err != nil {
		return memory.Need{}, err
	}
	evaluation, err := s.evaluationGraph()
	if err != nil {
		return memory.Need{}, err
	}
	others := []*graphs.Graph{evaluation}
	if s.probes() {
		backbone, err := artifacts.Backbone(s.model, int64(s.config.Training.Batch))
		if err != nil {
			return memory.Need{}, err
		}
		others = append(others, backbone)
	}
	return memory.Run{Config: s.config, Layout: s.layout, Training: training, Others: others,
		Opened: s.config.Model.ONNX != ""}.Need(e), nil
}

// initialize fills an arena with what the parameters begin with, over the cores, and then loads those that
// model.weights has.
func (s *setup) initialize(arena []float32) error {
	seed := uint64(s.config.Seed)
	var draws sync.WaitGroup
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, t := range s.layout.Params {
		limit <- struct{}{}
		draws.Go(func() {
			s.model.Initialize(i, t.View(arena), seed)
			<-limit
		})
	}
	draws.Wait()
	if err := s.openWeights(); err != nil || s.weights == nil {
		return err
	}
	defer s.closeWeights()
	return s.weights.Load(func(i int) []float32 { return s.layout.Params[i].View(arena) }, seed)
}

// base returns the parameters of the model without its adapters, which stand last.
func (s *setup) base() []optim.Param {
	all := s.layout.Params
	for len(all) > 0 && models.IsAdapter(all[len(all)-1].Name) {
		all = all[:len(all)-1]
	}
	return all
}

// baseDigest returns a digest of the parameters in an arena that are not trained.
func (s *setup) baseDigest(arena []float32) string {
	h := sha256.New()
	h.Write(numbers.Bytes(arena[:s.layout.TrainedFrom()]))
	return hex.EncodeToString(h.Sum(nil))
}

// trained returns how many parameters, element by element, are trained.
func (s *setup) trained() (n int) {
	for _, p := range s.layout.Params {
		if !p.Frozen {
			n += p.Size
		}
	}
	return n
}

// openWeights opens the file of model.weights, if there is one, before work is done. It reads names and shapes, not
// weights.
func (s *setup) openWeights() (err error) {
	m := s.config.Model
	if m.Weights == "" || s.weights != nil {
		return nil
	}
	var parameters []pretrained.Parameter
	for _, t := range s.base() {
		parameters = append(parameters, pretrained.Parameter{Name: t.Name, Shape: t.Shape})
	}
	s.weights, err = pretrained.Open(m.Weights, parameters,
		pretrained.Options{Allow: m.WeightsAllow, From: m.WeightsFrom, KeepHead: m.KeepHead})
	if err == nil {
		s.compareWith(s.weights.Known())
	}
	return err
}

// compareWith warns where images are normalised otherwise than the published model that the weights are most likely of
// wants them. known may be nil.
func (s *setup) compareWith(known *configs.Preset) {
	if known == nil {
		return
	}
	d := s.config.Data
	for key, now := range map[string][3]float64{"data.mean": d.Mean, "data.std": d.Std} {
		want := config.PresetDefault(known.Name, key)
		if want != nil && fmt.Sprint(want) != fmt.Sprint(now) {
			slog.Warn("the weights are most likely those of a model whose images are normalised otherwise", "model",
				known.About, "key", key, "now", now, "wanted", want,
				"remedy", fmt.Sprintf("set it, or choose model.arch = %q", known.Name))
		}
	}
}

func (s *setup) closeWeights() {
	s.weights.Close()
	s.weights = nil
}

// close closes the files that a setup has open.
func (s *setup) close() {
	s.closeWeights()
	s.model.Close()
}
