package training

import (
	"context"
	"slices"

	"fovea/data"
	"fovea/graphs/artifacts"
	"fovea/internal/numbers"
	"fovea/internal/progress"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
	"fovea/training/learner"
)

// features holds those of the two splits that a linear probe goes through every epoch, a row of Width values a sample.
// They do not change, so a run that resumes computes them again.
type features struct{ train, val []float32 }

// newFeatures runs the backbone with the learner's parameters over train and val, both as images are evaluated: cropped
// in the centre, not augmented. Each process of the group computes those of some batches, and gets all.
func newFeatures(ctx context.Context, p *plan, e *engine.Engine, l *learner.Learner, report progress.Func) (f features,
	err error) {
	s, set := p.setup, p.data
	batch := s.config.Training.Batch
	g, err := artifacts.Backbone(s.model, int64(batch))
	if err != nil {
		return f, err
	}
	session, err := learner.OpenSession(e, g)
	if err != nil {
		return f, err
	}
	defer session.Close()
	if err := l.BindParameters(session); err != nil {
		return f, err
	}
	var input, rows *ort.Tensor
	for _, info := range slices.Concat(session.Inputs(), session.Outputs()) {
		to := map[string]**ort.Tensor{s.model.Images(): &input, artifacts.Features: &rows}[info.Name]
		if to == nil {
			continue
		}
		if *to, err = ort.NewTensor(info.Type, info.Shape...); err != nil {
			return f, err
		}
		defer (*to).Close()
		if err := session.Bind(info.Name, *to); err != nil {
			return f, err
		}
	}
	width, before, total := int(rows.Shape()[1]), 0, len(set.train.Samples)+len(set.val.Samples)
	size := set.group.Size()
	update := report.Images("compute features")
	for _, part := range []struct {
		split *data.Split
		into  *[]float32
	}{{set.train, &f.train}, {set.val, &f.val}} {
		loader, err := set.evalLoader(part.split, batch)
		if err != nil {
			return f, err
		}
		var own []float32
		images := len(part.split.Samples)
		err = set.group.Rounds(ctx, (loader.Batches()+size-1)/size, func(next func() error) error {
			return loader.Each(ctx, 0, func(b *data.Batch) error {
				copy(input.Float32(), b.Images)
				if err := session.Run(); err != nil {
					return err
				}
				own = append(own, rows.Float32()[:b.N*width]...)
				update(before+min(len(own)/width*size, images), total)
				return next()
			})
		})
		if err != nil {
			return f, err
		}
		before += images
		all, err := set.group.GatherBytes(numbers.Bytes(own))
		if err != nil {
			return f, err
		}
		for _, bytes := range all { // the batches of each process follow those of the one before it
			*part.into = append(*part.into, numbers.View[float32](bytes)...)
		}
	}
	return f, nil
}
