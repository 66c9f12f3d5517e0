package main

import (
	"context"

	"fovea/training"
	"fovea/training/config"
)

func artifactsCommand(a *app) *command {
	var file, out string
	var overrides texts
	return &command{
		name:     "artifacts",
		summary:  "write the graphs and weights that training uses, train nothing",
		synopsis: []string{"trainer artifacts -config FILE -out DIR [flags]"},
		text: `
Writes what a program needs to train on ONNX Runtime, and trains nothing:

  training.onnx      loss and gradients
  eval.onnx          logits
  model.safetensors  the parameters at the start
  artifacts.json     inputs, outputs, shapes and decay groups

The number of classes comes from the folders in data.dir.
`,
		flags: []flagEntry{
			{&file, "config", "FILE", "TOML config"},
			{&out, "out", "DIR", "folder to write to; created if it does not exist"},
			configFlag(&overrides),
		},
		examples: "trainer artifacts -config configs/retinamnist.toml -out artifacts",
		required: []string{"config", "out"},
		run: func(ctx context.Context, _ []string) error {
			c, err := config.Read(file, overrides, a.environ)
			if err != nil {
				return err
			}
			if err := training.WriteArtifacts(ctx, c, out); err != nil {
				return err
			}
			a.printf("artifacts: %s\n", out)
			return nil
		},
	}
}
