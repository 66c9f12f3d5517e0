package training

import (
	"context"

	"fovea/graphs/artifacts"
	"fovea/onnx/ort"
	"fovea/training/config"
)

// WriteArtifacts writes the training artifacts of a config into a folder and
// trains nothing. They are float32 unless training.precision names a half type. The number of classes comes from the dataset.
func WriteArtifacts(ctx context.Context, cfg *config.Config, out string) error {
	p, err := newPlan(ctx, cfg, nil)
	if err != nil {
		return err
	}
	defer p.close()
	arena, err := ort.Allocate(4 * p.layout.Size)
	if err != nil {
		return err
	}
	defer arena.Free()
	if err := p.initialize(arena.Float32()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return artifacts.Write(out, artifacts.Set{Model: p.network, About: p.network.about(), Batch: int64(p.config.Training.Batch), Options: p.options(),
		Half: halfType(cfg.Training.Precision), Parameters: p.described(), Weights: p.tensors(arena, "")})
}
