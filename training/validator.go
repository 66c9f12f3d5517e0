package training

import (
	"context"
	"log/slog"

	"fovea/evaluation"
	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
)

// validator evaluates the learner's current parameters on the validation split.
type validator struct {
	plan       *plan
	session    *ort.Session
	classifier *classifier
	warned     map[string]bool
}

func newValidator(p *plan, e *engine, l *Learner) (*validator, error) {
	batch := p.config.Training.Batch
	g, err := artifacts.Eval(p.model, int64(batch))
	if err != nil {
		return nil, err
	}
	v := &validator{plan: p, warned: map[string]bool{}}
	if v.session, err = e.session(g); err != nil {
		return nil, err
	}
	err = bindArena(v.session, p.layout, l.parameters, func(name string) string { return name })
	if err == nil {
		v.classifier, err = newClassifier(v.session, batch)
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *validator) validate(ctx context.Context, report func(done, total int, detail string)) (evaluation.Metrics, error) {
	p, err := v.classifier.predict(ctx, v.plan.val, v.plan.evalTransform(), v.plan.cache, v.plan.config.Data.Workers, report)
	if err != nil {
		return evaluation.Metrics{}, err
	}
	m, warnings, err := evaluation.Compute(p)
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
