package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/operating"
	"fovea/inference"
	"fovea/internal/numbers"
	"fovea/models"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
	"fovea/training/checkpoint"
	"fovea/training/config"
	"fovea/training/learner"
)

// Metadata keys of model.onnx beside those with which package inference uses it.
const (
	metaConfig = "fovea.config"    // the run's resolved config, TOML, with portable paths
	metaScore  = "fovea.val_score" // (macro F1 + macro AUC + kappa)/3 on validation
)

// writeModel writes the inference model of a checkpoint, with what is known of its best epoch and its operating points.
// The weights go from the checkpoint's files to the model's without being copied.
func (p *plan) writeModel(path, from string, best int, score float64, points []operating.Point) error {
	c, err := checkpoint.Read(from)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := p.setup.model.Inference()
	if err != nil {
		return err
	}
	parameters, free, err := p.deployed(c)
	if err != nil {
		return err
	}
	defer free()
	for _, t := range parameters {
		initializer, err := onnx.NewTensor(t.Name, t.Type, t.Shape, t.Data)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(m.Graph.Input, func(v *pb.ValueInfoProto) bool { return v.GetName() == t.Name })
		j := slices.IndexFunc(m.Graph.Initializer, func(v *pb.TensorProto) bool { return v.GetName() == t.Name })
		switch {
		case j >= 0:
			m.Graph.Initializer[j] = initializer
		case i >= 0:
			m.Graph.Input = slices.Delete(m.Graph.Input, i, i+1)
			m.Graph.Initializer = append(m.Graph.Initializer, initializer)
		default:
			return fmt.Errorf("checkpoint tensor %s is no parameter of the model", t.Name)
		}
	}
	if len(m.Graph.Input) != 1 {
		return fmt.Errorf("the checkpoint lacks parameter %s", m.Graph.Input[1].GetName())
	}
	if err := p.describe(m, best, score, points); err != nil {
		return err
	}
	return onnx.Save(path, m, onnx.SaveOptions{})
}

// deployed returns the parameters of model.onnx: those of a checkpoint, with the base where it holds a part of them, and
// with the adapters in it. They are there until free is called.
func (p *plan) deployed(c *checkpoint.Checkpoint) (parameters []weights.Tensor, free func() error, err error) {
	s, layout := p.setup, p.setup.layout
	if !s.trainsPart() {
		return c.Parameters, func() error { return nil }, nil
	}
	var before state
	if err := json.Unmarshal(c.State, &before); err != nil {
		return nil, nil, err
	}
	arena, err := ort.Allocate(4 * layout.Size)
	if err != nil {
		return nil, nil, err
	}
	values := arena.Float32()
	err = s.initialize(values)
	if err == nil && s.baseDigest(values) != before.Base {
		err = errors.New(otherBase)
	}
	if err != nil {
		return nil, nil, errors.Join(err, arena.Free())
	}
	for _, t := range c.Parameters {
		copy(numbers.Bytes(layout.View(values, t.Name)), t.Data)
	}
	if m, ok := s.model.(*models.Adapted); ok {
		m.Merge(func(name string) []float32 { return layout.View(values, name) })
	}
	return learner.Tensors(layout, arena)[:len(s.base())], arena.Free, nil
}

// describe makes the model say how it wants its images and where it comes from.
func (p *plan) describe(m *pb.ModelProto, best int, score float64, points []operating.Point) error {
	c := p.setup.config
	var text strings.Builder
	if err := c.Portable().WriteTOML(&text); err != nil {
		return err
	}
	t, judging := p.data.evalTransform(), judgingOf(c)
	d := inference.Description{Classes: p.data.classes, Merged: p.data.merged, Size: t.Size, Crop: t.CropPct,
		Mean: t.Mean[:], Std: t.Std[:], White: t.Reading.White, Epoch: best + 1, Half: judging.Half,
		LossBatch: judging.LossBatch, Operating: points}
	d.SetMeaning(p.data.meaning)
	d.WriteMetadata(m)
	onnx.SetMetadata(m, metaScore, strconv.FormatFloat(score, 'g', -1, 64))
	onnx.SetMetadata(m, metaConfig, text.String())
	return nil
}

// operatingRules returns the rules of evaluation.operating_points, or an error if the classes cannot have a threshold.
func (d *dataset) operatingRules() ([]operating.Rule, error) {
	e := d.config.Evaluation
	var rules []operating.Rule
	for _, text := range e.OperatingPoints {
		r, err := operating.ParseRule(text)
		if err != nil {
			return nil, fmt.Errorf("evaluation.operating_points: %w", err)
		}
		rules = append(rules, r)
	}
	if rules == nil {
		return nil, nil
	}
	if err := operating.CheckCut(d.meaning.Classes, d.meaning.Ordered, e.Cut); err != nil {
		return nil, fmt.Errorf("evaluation.operating_points and evaluation.cut: %w", err)
	}
	return rules, nil
}

// chooseOperating chooses the operating points of a model by its predictions on the validation split. Those that no
// threshold has are left out, and missed says why.
func chooseOperating(c *config.Config, val *evaluation.Predictions, rules []operating.Rule) (points []operating.Point,
	missed []string, err error) {
	if _, _, err := judgingOf(c).Judge(val); err != nil { // which rounds
		return nil, nil, err
	}
	const level = 0.95
	points, missed, err = operating.Choose(val, "val", c.Evaluation.Cut, level, rules)
	for i := range points {
		points[i].Prevalence = c.Evaluation.Prevalence
		slog.Info("operating point", "chosen", points[i])
	}
	for _, reason := range missed {
		slog.Warn("an operating point is left out", "reason", reason)
	}
	return points, missed, err
}
