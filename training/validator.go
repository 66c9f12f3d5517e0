package training

import (
	"context"
	"log/slog"

	"fovea/data"
	"fovea/evaluation"
	"fovea/graphs/artifacts"
	"fovea/inference"
	"fovea/onnx/ort"
)

// validator evaluates what the learner would deploy on the validation split.
type validator struct {
	plan       *plan
	session    *ort.Session
	classifier *inference.Classifier
	loader     *data.Loader // of val, or of its features
	warned     map[string]bool
}

func newValidator(p *plan, e *engine, l *Learner) (*validator, error) {
	batch := p.config.Training.Batch
	build := artifacts.Eval
	if p.probes() {
		build = artifacts.ProbeEval
	}
	g, err := build(p.network, int64(batch))
	if err != nil {
		return nil, err
	}
	v := &validator{plan: p, warned: map[string]bool{}}
	if v.session, err = e.session(g); err != nil {
		return nil, err
	}
	err = bindArena(v.session, p.layout, l.deployed(), func(name string) string { return name })
	if err == nil {
		v.classifier, err = inference.NewClassifier(v.session, inference.Binding{Input: v.input(), Output: artifacts.Logits,
			Batch: batch, Half: judgingOf(p.config).half})
	}
	if err == nil && !p.probes() {
		v.loader, err = p.evalLoader(p.val, batch)
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// input is what the classifier reads.
func (v *validator) input() string {
	if v.plan.probes() {
		return artifacts.Features
	}
	return v.plan.network.images()
}

// useFeatures makes a linear probe's validator read the split's features.
func (v *validator) useFeatures(rows []float32) (err error) {
	v.loader, err = data.NewLoader(data.LoaderConfig{Samples: v.plan.val.Samples, Batch: v.plan.config.Training.Batch,
		Workers: 1, Tensors: rows})
	return err
}

func (v *validator) validate(ctx context.Context, report func(done, total int, detail string)) (evaluation.Metrics, error) {
	p, err := predictSplit(ctx, v.classifier, v.plan.val, v.loader, report)
	if err != nil {
		return evaluation.Metrics{}, err
	}
	m, warnings, err := judgingOf(v.plan.config).judge(p)
	for _, w := range warnings {
		if text := w.String(); !v.warned[text] { // the same every epoch
			v.warned[text] = true
			slog.Warn("validation", "metric", text)
		}
	}
	return m, err
}

func (v *validator) close() {
	if v.classifier != nil {
		v.classifier.Close()
	}
	v.session.Close()
}
