package training

import (
	"context"
	"log/slog"

	"fovea/data"
	"fovea/evaluation"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
)

// validator evaluates what the learner would deploy on the validation split.
type validator struct {
	plan       *plan
	session    *ort.Session
	classifier *classifier
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
		v.classifier, err = newClassifier(v.session, p.network.images(), batch)
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

// useFeatures makes a linear probe's validator read the split's features.
func (v *validator) useFeatures(rows []float32) (err error) {
	v.loader, err = data.NewLoader(data.LoaderConfig{Samples: v.plan.val.Samples, Batch: v.plan.config.Training.Batch,
		Workers: 1, Tensors: rows})
	return err
}

func (v *validator) validate(ctx context.Context, report func(done, total int, detail string)) (evaluation.Metrics, error) {
	judging := judgingOf(v.plan.config)
	p, err := v.classifier.predict(ctx, v.plan.val, v.loader, judging.half, report)
	if err != nil {
		return evaluation.Metrics{}, err
	}
	m, warnings, err := judging.judge(p)
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
		v.classifier.close()
	}
	v.session.Close()
}
