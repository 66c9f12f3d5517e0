package main

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"fovea/graphs/deploy"
	"fovea/inference/export"
)

func exportCommand(a *app) *command {
	o := export.Options{Split: "val", Progress: a.console.update}
	m := classifierFlags{batch: 16}
	variants := strings.Join(export.Variants, ",")
	return &command{
		name:     "export",
		summary:  "write a model for deployment, in float16 or 8 bits, with a card",
		synopsis: []string{"trainer export -model FILE [flags]"},
		text: `
Writes a classifier as model files for where it will be used, and measures on labelled images what each costs. Writes

  model.onnx       fp32: as it is
  model_fp16.onnx  fp16: weights in float16, half the size; for GPUs
  model_int8.onnx  int8: weights in 8 bits, a quarter of the size; products of
                   matrices in integers, convolutions in float32
  README.md        a model card for the Hugging Face hub
  export.json      all measurements

Each model has the output probabilities and, where the original has them, logits. It takes any number of images, uses
standard operators only, and says in its metadata how it wants its images. predict, eval and serve take it.
`,
		flags: append([]flagEntry{
			m.file(),
			{&variants, "variants", "LIST", "variants to write"},
			{&o.Raw, "raw", "", `also write model_raw.onnx and so on. These take the decoded image, uint8 [height,width,3], and
				resize, crop and normalise it inside; predict takes them too`},
			{&o.Opset, "opset", "N", `version of ONNX's operators, 13 to 25 (default: that of the model, with -raw at least 18)`},
			{&o.Data, "data", "DIR", `folder that holds the split, in which each class has a folder (default: that of the run's
				config if the model belongs to a run)`},
			{&o.Split, "split", "NAME", "folder to measure on"},
			skipFlag(&o.Skip),
			{&o.Out, "out", "DIR", "folder to write to; created if it does not exist (default: export beside the model)"},
		}, m.running()...),
		groups: []flagGroup{m.description()},
		notes: `
A variant that clearly loses accuracy, AUC or quadratic kappa gets a warning here and in the card. Without images the
card says that nothing was measured.
`,
		examples: `
trainer export -model runs/octid/model.onnx
trainer export -model convnext.onnx -data images -variants fp32,int8 -opset 17
`,
		required: []string{"model", "variants", "split"},
		run: func(ctx context.Context, _ []string) error {
			for name := range strings.SplitSeq(variants, ",") {
				if !slices.Contains(export.Variants, name) {
					return badUsage("-variants %s: must be some of %s", variants, strings.Join(export.Variants, ","))
				}
				o.Variants = append(o.Variants, name)
			}
			return a.export(ctx, &m, o)
		},
	}
}

func (a *app) export(ctx context.Context, m *classifierFlags, o export.Options) error {
	switch {
	case o.Opset != 0 && (o.Opset < deploy.OldestOpset || o.Opset > deploy.NewestOpset):
		return badUsage("-opset %d: must be %d to %d", o.Opset, deploy.OldestOpset, deploy.NewestOpset)
	case o.Raw && o.Opset != 0 && o.Opset < deploy.EmbedOpset:
		return badUsage("-opset %d with -raw: only opset 18 and later can resize with antialiasing", o.Opset)
	}
	var err error
	if o.Given, o.Runtime, err = m.read(a); err != nil {
		return err
	}
	o.Model, o.Batch = m.path, m.batch
	o.Out = cmp.Or(o.Out, filepath.Join(filepath.Dir(o.Model), "export"))
	report, err := export.Write(ctx, o)
	if err != nil {
		return err
	}
	if err := report.WriteText(a.text); err != nil {
		return err
	}
	a.printf("written to: %s\n", o.Out)
	return nil
}
