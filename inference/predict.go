package inference

import (
	"context"

	"fovea/data"
)

// Counts holds the number of images of a prediction, and how many of them could not be read or classified.
type Counts struct{ Images, Failed int }

// Predict classifies image files, in their order, and writes them to t. Views of an image are averaged. progress, if
// not nil, is called after every batch.
func (c *Classifier) Predict(ctx context.Context, d *Description, views data.Views, workers int, paths []string,
	t *Table, progress func(done, total int)) (Counts, error) {
	samples := make([]data.Sample, len(paths))
	for i, p := range paths {
		samples[i].Path = p
	}
	if err := c.RunFewer(); err != nil {
		return Counts{}, err
	}
	var transform data.Transform = d.Transform()
	if views != data.OneView {
		transform = data.ViewsTransform{EvalTransform: d.Transform(), Views: views}
	}
	loader, err := data.NewLoader(data.LoaderConfig{Samples: samples, Batch: max(1, c.Batch()/max(1, views.Count())),
		Workers: workers, Transform: transform, Tolerant: true})
	if err != nil {
		return Counts{}, err
	}
	defer loader.LogNotes()
	var n Counts
	err = c.Stream(ctx, loader, 0, func(results []Result) error {
		for i := range results {
			if r := &results[i]; r.Err == nil {
				r.Err = checkFinite(r.Probabilities)
			}
			if n.Images++; results[i].Err != nil {
				n.Failed++
			}
		}
		if progress != nil {
			progress(n.Images, len(paths))
		}
		return t.Write(paths, results)
	})
	return n, err
}
