package training

import (
	"context"
	"log/slog"

	"fovea/data"
	"fovea/evaluation"
	"fovea/graphs/artifacts"
	"fovea/inference"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/training/collective"
	"fovea/training/config"
	"fovea/training/learner"
)

// A validator evaluates what the learner would deploy on the validation split.
type validator struct {
	group      *collective.Group
	split      *data.Split
	judging    inference.Judging
	session    *ort.Session
	classifier *inference.Classifier
	loader     *data.Loader // of the split, or of its features
	warned     map[string]bool
}

// newValidator makes the validator of a plan. With a linear probe it has no images to go through until useFeatures.
func newValidator(p *plan, e *engine.Engine, l *learner.Learner) (*validator, error) {
	s := p.setup
	g, err := s.evaluationGraph()
	if err != nil {
		return nil, err
	}
	v := &validator{group: p.setup.group, split: p.data.val, judging: judgingOf(s.config), warned: map[string]bool{}}
	if v.session, err = learner.OpenSession(e, g); err != nil {
		return nil, err
	}
	batch := s.config.Training.Batch
	if err = l.BindDeployed(v.session); err == nil {
		v.classifier, err = inference.NewClassifier(v.session, inference.Binding{Input: s.images(),
			Output: artifacts.Logits, Batch: batch, Half: v.judging.Half})
	}
	if err == nil && !s.probes() {
		v.loader, err = p.data.evalLoader(v.split, batch)
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// useFeatures makes a linear probe's validator read the split's features.
func (v *validator) useFeatures(rows []float32) (err error) {
	v.loader, err = data.NewLoader(data.LoaderConfig{Samples: v.split.Samples, Batch: v.classifier.Batch(), Workers: 1,
		Tensors: rows, Keep: inference.Share(v.group, len(v.split.Samples), v.classifier.Batch())})
	return err
}

func (v *validator) validate(ctx context.Context, report func(done, total int, detail string)) (evaluation.Metrics,
	error) {
	p, err := inference.PredictSplit(ctx, v.classifier, v.split, v.loader, v.group, report)
	if err != nil {
		return evaluation.Metrics{}, err
	}
	return collective.Tell(v.group, func() (evaluation.Metrics, error) {
		m, warnings, err := v.judging.Judge(p)
		for _, w := range warnings {
			if text := w.String(); !v.warned[text] { // the same every epoch
				v.warned[text] = true
				slog.Warn("val: " + text)
			}
		}
		return m, err
	})
}

func (v *validator) close() {
	if v.classifier != nil {
		v.classifier.Close()
	}
	v.session.Close()
}

// judgingOf returns how a config turns predictions into metrics.
func judgingOf(c *config.Config) inference.Judging {
	j := inference.Judging{Half: c.Evaluation.Probabilities == "fp16"}
	if c.Evaluation.Loss == "batches" {
		j.LossBatch = c.Training.Batch
	}
	return j
}

// selection returns the metric of a config that the best epoch has the most of.
func selection(c *config.Config) func(evaluation.Metrics) float64 {
	if c.Evaluation.Select == "roc_auc" {
		return func(m evaluation.Metrics) float64 { return m.ROCAUC }
	}
	return func(m evaluation.Metrics) float64 { return m.Score }
}
