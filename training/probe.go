package training

import (
	"context"

	"fovea/data"
	"fovea/graphs/artifacts"
	"fovea/internal/progress"
	"fovea/onnx/ort"
)

// probes tells whether only the head is trained, on features that are computed
// once.
func (p *setup) probes() bool { return p.config.Model.Adaptation == "linear_probe" }

// features of the two splits that a linear probe goes through every epoch, a
// row of Width values a sample. They do not change, so neither do they have to
// be kept for a run that resumes.
type features struct{ train, val []float32 }

// newFeatures runs the backbone with the learner's parameters over train and
// val, both as images are evaluated: cropped in the centre, not augmented.
func newFeatures(ctx context.Context, p *plan, e *engine, l *Learner, progress progress.Func) (f features, err error) {
	g, err := artifacts.Backbone(p.network, int64(p.config.Training.Batch))
	if err != nil {
		return f, err
	}
	session, err := e.session(g)
	if err != nil {
		return f, err
	}
	defer session.Close()
	if err := bindArena(session, p.layout, l.parameters, func(name string) string { return name }); err != nil {
		return f, err
	}
	var images, rows *ort.Tensor
	for _, info := range append(session.Inputs(), session.Outputs()...) {
		to := map[string]**ort.Tensor{p.network.images(): &images, artifacts.Features: &rows}[info.Name]
		if to == nil {
			continue
		}
		if *to, err = bindTensor(session, info, 0); err != nil {
			return f, err
		}
		defer (*to).Close()
	}
	width, done, total := int(rows.Shape()[1]), 0, len(p.train.Samples)+len(p.val.Samples)
	report := progress.Task("compute features")
	for _, part := range []struct {
		split *data.Split
		into  *[]float32
	}{{p.train, &f.train}, {p.val, &f.val}} {
		loader, err := p.evalLoader(part.split, p.config.Training.Batch)
		if err != nil {
			return f, err
		}
		err = loader.Each(ctx, 0, func(b *data.Batch) error {
			copy(images.Float32(), b.Images)
			if err := session.Run(); err != nil {
				return err
			}
			*part.into = append(*part.into, rows.Float32()[:b.N*width]...)
			done += b.N
			report(done, total, "")
			return nil
		})
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// evalLoader loads a split in its order, as images are evaluated.
func (p *plan) evalLoader(split *data.Split, batch int) (*data.Loader, error) {
	return data.NewLoader(data.LoaderConfig{Samples: split.Samples, Batch: batch, Workers: p.config.Data.Workers,
		Transform: p.evalTransform(), Cache: p.cache})
}
