package main

import (
	"context"
	"fmt"
	"strings"

	"fovea/models/imported"
)

func differentiateCommand(a *app) *command {
	m := newModelFlags(2)
	var wrt, out string
	return &command{
		name:     "differentiate",
		summary:  "write a model's vector-Jacobian product as a model",
		synopsis: []string{"trainer differentiate -model FILE -out FILE [flags]"},
		text: `
Differentiates an ONNX model (opset 7 to 28, float32) and writes the result as a model of standard operators, which any
ONNX Runtime runs: the vector-Jacobian product.

Its inputs are those of the model and, for each float output Y, Y.cotangent in the shape of Y. Its outputs are NAME.grad,
the gradient of the sum of all Y times Y.cotangent. Constants and initializers stay inside.

The new model has fixed sizes, which -batch and -dim set where they are symbolic. ONNX Runtime opens it once as a check,
unless it has more than 10,000 nodes.
`,
		flags: append([]flagEntry{
			m.file("model to differentiate"),
			{&out, "out", "FILE", "model to write"},
			{&wrt, "wrt", "NAME,...", "inputs or initializers to differentiate by (default: every float32 input)"},
		}, m.running()...),
		notes: `
An operator without a rule is an error that names the node and the inputs behind it. So are control flow and models in
8 bits or half precision.
`,
		examples: "trainer differentiate -model classifier.onnx -batch 1 -out saliency.onnx",
		required: []string{"model", "out"},
		run: func(ctx context.Context, _ []string) error {
			file, err := m.open(ctx, a)
			if err != nil {
				return err
			}
			defer file.Close()
			var names []string
			if wrt != "" {
				names = strings.Split(wrt, ",")
			}
			g, err := file.Differentiate(names...)
			if err != nil {
				return fmt.Errorf("%s: %w", m.model, err)
			}
			if err := imported.Save(ctx, out, g); err != nil {
				return err
			}
			for _, v := range g.Inputs {
				a.printf("input   %s\n", v)
			}
			for _, v := range g.Outputs {
				a.printf("output  %s\n", v)
			}
			a.printf("written to: %s\n", out)
			return nil
		},
	}
}
