package export

import (
	"context"
	"fmt"
	"image"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"fovea/data"
	"fovea/evaluation"
	"fovea/inference"
	"fovea/onnx/ort"
)

// mostNoise is the largest difference of a probability that a float32 variant may have on noise: its operators are
// others, its arithmetic is not.
const mostNoise = 1e-4

// A contender is a model that is measured.
type contender struct {
	variant *Variant // nil: the model that is exported
	tensors *inference.Classifier
	raw     *inference.RawClassifier // instead of tensors
	rows    []evaluation.Prediction
	times   map[int][]float64 // milliseconds an image, by the number of images
}

// measure opens every file, compares it with the model that was exported on noise, and on the split, if there is one,
// in turns.
func (r *Report) measure(ctx context.Context, o Options, d *inference.Description, split *data.Split,
	options ort.Options) (err error) {
	all := []*contender{{times: map[int][]float64{}}}
	for _, v := range r.Variants {
		all = append(all, &contender{variant: v, times: map[int][]float64{}})
	}
	defer func() {
		for _, c := range all {
			c.close()
		}
	}()
	for _, c := range all {
		if err := c.open(o, d, options); err != nil {
			return err
		}
	}
	if err := compareNoise(all, d); err != nil {
		return err
	}
	if split == nil {
		return nil
	}
	if err := r.run(ctx, o, d, split, all); err != nil {
		return err
	}
	meaning, err := d.Meaning()
	if err != nil {
		return err
	}
	r.Data, r.Split, r.Images = o.Data, o.Split, len(all[0].rows)
	for i, c := range all {
		m, err := c.measured(ctx, split.Classes, meaning, r.Batch)
		if err != nil {
			return err
		}
		if i == 0 {
			r.Source = m
			continue
		}
		if err := m.compare(ctx, r.Source); err != nil {
			return err
		}
		c.variant.Measured = m
		c.variant.judge()
	}
	return nil
}

func (c *contender) open(o Options, d *inference.Description, options ort.Options) (err error) {
	if c.variant == nil {
		if c.tensors, err = inference.Open(o.Model, d, o.Batch, options); err == nil {
			err = c.tensors.RunFewer()
		}
		return err
	}
	path := filepath.Join(o.Out, c.variant.File)
	described, err := inference.Describe(path, inference.Description{})
	if err != nil {
		return err
	}
	if described.Raw {
		c.raw, err = inference.OpenRaw(path, described, options)
		return err
	}
	if c.tensors, err = inference.Open(path, described, o.Batch, options); err == nil {
		err = c.tensors.RunFewer()
	}
	return err
}

func (c *contender) close() {
	if c.tensors != nil {
		c.tensors.Close()
	}
	if c.raw != nil {
		c.raw.Close()
	}
}

// compareNoise compares all with the first on noise, an image of pixels that the model's own preparation brings to its
// size.
func compareNoise(all []*contender, d *inference.Description) error {
	rng := rand.New(rand.NewPCG(0, 1))
	img := image.NewNRGBA(image.Rect(0, 0, 2*d.Size+3, d.Size+d.Size/2))
	for i := range img.Pix {
		if img.Pix[i] = uint8(rng.Uint32()); i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	tensor := make([]float32, 3*d.Size*d.Size)
	if err := d.Transform().Apply(tensor, img, nil); err != nil {
		return err
	}
	n := all[0].tensors.Batch()
	var want []float64
	for _, c := range all {
		var got []float64
		if c.raw != nil {
			p, err := c.raw.Classify(img)
			if err != nil {
				return fmt.Errorf("%s: %w", c.variant.File, err)
			}
			got = p
		} else {
			p, err := c.tensors.Classify(slices.Repeat(tensor, n), n)
			if err != nil {
				return err
			}
			got = p[n-1]
		}
		if c.variant == nil {
			want = got
			continue
		}
		v := c.variant
		v.Noise = largest(want, got)
		if v.Name == FP32 && !v.Raw && !(v.Noise <= mostNoise) || math.IsNaN(v.Noise) {
			return fmt.Errorf("%s does not compute what the model does: a probability of an image of noise differs by %g",
				v.File, v.Noise)
		}
	}
	return nil
}

func largest(a, b []float64) float64 {
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i])) // max is NaN if one of both is
	}
	return most
}

// run classifies the split with all, batch by batch in turns.
func (r *Report) run(ctx context.Context, o Options, d *inference.Description, split *data.Split,
	all []*contender) error {
	loader, err := data.NewLoader(data.LoaderConfig{Samples: split.Samples, Batch: all[0].tensors.Batch(),
		Transform: d.Transform(), Tolerant: true})
	if err != nil {
		return err
	}
	defer loader.LogNotes()
	done, bad, report := 0, data.Unreadable{Total: len(split.Samples)}, o.Progress.Images("measure on "+o.Split)
	err = loader.Each(ctx, 0, func(b *data.Batch) error {
		if first := slices.Index(b.Errors, nil); first >= 0 && r.Batch == 0 {
			img, err := d.Transform().Reading.Decode(split.Samples[b.Indices[first]].Path)
			if err != nil {
				return err
			}
			if err := r.clock(all, b, first, img); err != nil {
				return err
			}
		}
		for _, c := range all {
			if err := c.classify(b, split); err != nil {
				return err
			}
		}
		for i := range b.N {
			if b.Errors[i] != nil {
				bad.Images = append(bad.Images, data.BadImage{Index: b.Indices[i], Sample: split.Samples[b.Indices[i]],
					Err: b.Errors[i]})
			}
		}
		done += b.N
		report(done, len(split.Samples))
		return nil
	})
	if err != nil {
		return err
	}
	return bad.LeaveOut(o.Skip, "add -skip-unreadable")
}

// classify adds a batch's results to the rows.
func (c *contender) classify(b *data.Batch, split *data.Split) error {
	var probabilities [][]float64
	if c.raw == nil {
		var err error
		if probabilities, err = c.tensors.Classify(b.Images, b.N); err != nil {
			return err
		}
	}
	for i := range b.N {
		sample := split.Samples[b.Indices[i]]
		if b.Errors[i] != nil {
			continue
		}
		row := evaluation.Prediction{Path: sample.Path, Label: sample.Class}
		if c.raw == nil {
			row.Probabilities = probabilities[i]
		} else {
			img, err := c.raw.Decode(sample.Path)
			if err != nil {
				return err
			}
			if row.Probabilities, err = c.raw.Classify(img); err != nil {
				return err
			}
		}
		c.rows = append(c.rows, row)
	}
	return nil
}

func (c *contender) measured(ctx context.Context, classes []string, meaning evaluation.Meaning, batch int) (*Measured,
	error) {
	m := &Measured{predictions: &evaluation.Predictions{Classes: classes, Rows: c.rows}, Alone: median(c.times[1]),
		Batched: median(c.times[batch])}
	if err := m.predictions.Arrange(meaning); err != nil {
		return nil, err
	}
	var err error
	if m.Assessment, err = evaluation.Assess(ctx, m.predictions, evaluation.Intervals{}); err != nil && c.variant != nil {
		err = fmt.Errorf("%s: %w", c.variant.File, err)
	}
	return m, err
}

// compare sets m beside what the exported model said of the same images.
func (m *Measured) compare(ctx context.Context, source *Measured) (err error) {
	a, b := source.predictions, m.predictions
	for i := range b.Rows {
		m.Largest = max(m.Largest, largest(a.Rows[i].Probabilities, b.Rows[i].Probabilities))
		if a.Rows[i].Predicted() != b.Rows[i].Predicted() {
			m.Changed++
		}
	}
	m.Paired, err = evaluation.ComparePaired(ctx, a, b, evaluation.Intervals{})
	return err
}

// kappa returns the kappa that counts: the quadratic one of grades.
func (m *Measured) kappa() string {
	if m.Assessment != nil && m.Assessment.Ordered {
		return "quadratic_kappa"
	}
	return "kappa"
}

// judge warns of a variant that is measurably worse than the model.
func (v *Variant) judge() {
	p := v.Measured.Paired
	if k := p.McNemar; k.OnlyA > k.OnlyB && k.ExactP < 0.05 {
		v.Warnings = append(v.Warnings, fmt.Sprintf(
			"accuracy falls by %.2f points (McNemar p = %.2g): do not use it without knowing why",
			-100*float64(difference(p, "accuracy").Difference), k.ExactP))
	}
	for _, name := range []string{"roc_auc", v.Measured.kappa()} {
		if d := difference(p, name); d.High < 0 {
			v.Warnings = append(v.Warnings, fmt.Sprintf(
				"%s falls from %.4f to %.4f, and the interval of the difference, [%.4f, %.4f], excludes 0",
				name, float64(d.A), float64(d.B), float64(d.Low), float64(d.High)))
		}
	}
	for _, w := range v.Warnings {
		slog.Warn(v.File+": "+w, "images", p.Rows)
	}
}
