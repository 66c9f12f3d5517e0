package main

import (
	"context"

	"fovea/inference/explain"
)

func explainCommand(a *app) *command {
	m := classifierFlags{batch: 4}
	o := explain.WriteOptions{Out: "explanations"}
	o.Steps = 32
	var methods string
	return &command{
		name:      "explain",
		writesCSV: true,
		summary:   "draw what a model's score of a class depends on",
		synopsis:  []string{"trainer explain -model FILE [flags] PATH ..."},
		text: `
Draws, for each image, what the score of a class depends on. Writes

  N-NAME.png         the image beside its heat maps
  N-NAME.METHOD.npy  each map in full precision
  contact_sheet.png  the first 16 images
  explanations.csv   one row for each map

docs/explain.md says what the maps mean and what they do not. The methods are

  rollout            attention rollout; the same for every class
  relevance          attention weighted by its gradient
  grad-cam           Grad-CAM of the last block's tokens, or of the last feature
                     map of convolutions
  gradient           gradient of the score by the image
  gradient-input     gradient times image
  integrated         integrated gradients, from the mean image
` + pathsText,
		flags: append([]flagEntry{
			m.file(),
			{&methods, "method", "NAME,...", "methods to use (default: relevance, or the first that the model allows)"},
			{&o.Class, "class", "NAME", "class to explain (default: the predicted class)"},
			{&o.Out, "out", "DIR", "folder to write to; created if it does not exist"},
			{&o.Steps, "steps", "N", `number of gradients for integrated. It is doubled up to four times, until the map adds up
				to the difference between the scores of the image and of the mean image within 0.1 %`},
			{&o.Randomize, "sanity", "", `compare each map with that of the same model with shuffled weights; the rank
				correlation in the table should be near 0`},
			skipFlag(&o.Skip),
		}, m.running()...),
		groups: []flagGroup{m.description()},
		notes: `
It runs on the CPU. Methods that read attention need a model with tokens of the whole image, such as a ViT. The model
must be one that can be differentiated.
`,
		examples: `
trainer explain -model runs/octid/model.onnx -method relevance OCTID/test
trainer explain -model convnext.onnx -classes normal,amd -crop 0.875 \
        -mean 0.485,0.456,0.406 -std 0.229,0.224,0.225 scans
`,
		required: []string{"model", "out"},
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			var err error
			if methods != "" {
				if o.Methods, err = explain.ParseMethods(methods); err != nil {
					return badUsage("-method: %w", err)
				}
			}
			if o.Steps < 1 {
				return badUsage("-steps %d: must be at least 1", o.Steps)
			}
			o.Batch = m.batch
			if o.Threads, err = m.explainInput(ctx, a, &o.Input, operands); err != nil {
				return err
			}
			n, err := explain.Write(ctx, o)
			return a.printImages(n, o.Out, err)
		},
	}
}

func featuresCommand(a *app) *command {
	m := classifierFlags{batch: 16}
	var o explain.FeatureOptions
	var part shardFlag
	return &command{
		name:      "features",
		writesCSV: true,
		summary:   "write the features that a model's head reads",
		synopsis:  []string{"trainer features -model FILE -out FILE [flags] PATH ..."},
		text: `
Writes what the model's head reads of each image. For a ViT these are the pooled, normalised tokens. The name of -out
says in which form:

  F.csv  columns path, label, feature_0, feature_1 and so on; label is the name
         of the image's folder if that is a class, else empty
  F.npy  float32 [images,features] for NumPy; F.csv has path and label of the
         rows
` + pathsText,
		flags: append([]flagEntry{
			m.file(),
			{&o.Out, "out", "FILE", "F.csv or F.npy"},
			{&o.PCA, "pca", "FILE", `draw the first two principal components as PNG, of at most 2,000 images spread evenly
				over all`},
			skipFlag(&o.Skip),
			part.flag(),
		}, m.running()...),
		groups:   []flagGroup{m.description()},
		notes:    "It runs on the CPU.",
		examples: "trainer features -model runs/octid/model.onnx -out octid.npy OCTID/test",
		required: []string{"model", "out"},
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			var err error
			if o.Shard, err = part.read(a); err != nil {
				return err
			}
			if !o.Shard.Whole() && (o.PCA != "" || o.Skip) {
				return badUsage("-pca and -skip-unreadable need all images: they do not go with -shard")
			}
			o.Batch = m.batch
			if o.Threads, err = m.explainInput(ctx, a, &o.Input, operands); err != nil {
				return err
			}
			n, err := explain.WriteFeatures(ctx, o)
			return a.printImages(n, o.Shard.File(o.Out), err)
		},
	}
}

// explainInput adds the model and the images that operands name to in, and loads the runtime. It returns the number of
// threads.
func (m *classifierFlags) explainInput(ctx context.Context, a *app, in *explain.Input, operands []string) (int, error) {
	d, r, err := m.describe(a)
	if err != nil {
		return 0, err
	}
	in.Model, in.Description, in.Progress = m.path, d, a.console.update
	if in.Images, err = imagePaths(ctx, operands); err != nil {
		return 0, err
	}
	return r.Threads, a.loadRuntime(ctx, r.Library)
}

// printImages shows where the results of n images are, unless err is set, which it returns.
func (a *app) printImages(n int, out string, err error) error {
	if err == nil {
		a.printf("%d images, written to: %s\n", n, out)
	}
	return err
}
