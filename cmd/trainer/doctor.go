package main

import (
	"context"
	"errors"
	"fmt"

	"fovea/onnx/ort/install"
	"fovea/training/config"
)

func doctorCommand(a *app) *command {
	var overrides texts
	return &command{
		name:     "doctor",
		summary:  "find what is missing on this machine, and what to do about it",
		synopsis: []string{"trainer doctor [flags]"},
		text: `
Looks at the machine and changes nothing. Shows where the ONNX Runtime library is, its version and providers, the
processors and the memory. Names each problem with the command that solves it. The exit code is 1 if there is a problem.

Where NVIDIA's driver shows a GPU, or with -set runtime.provider=cuda, it also shows:

  the GPUs with their memory
  the CUDA version of the driver and of the library
  where each of NVIDIA's libraries was found
  whether a small model gives the same result on the first GPU as on the CPU

What keeps training from the GPU is only a note where the CPU can take over. With runtime.provider=cuda it is a problem.
`,
		flags:    []flagEntry{runtimeFlag(&overrides)},
		examples: "trainer doctor\ntrainer doctor -set runtime.library=/opt/onnxruntime/lib",
		run: func(ctx context.Context, _ []string) error {
			r, err := config.ReadRuntime(overrides, a.environ)
			if err != nil {
				return err
			}
			report := install.Doctor(ctx, install.Source{Library: r.Library, Provider: r.Provider})
			if _, err := fmt.Fprint(a.text, report); err != nil {
				return err
			}
			if len(report.Problems) > 0 {
				return errors.New("this machine is not ready to train; the problems stand above")
			}
			return nil
		},
	}
}
