// Package training stands in for fovea/training until that package is there.
package training

import (
	"context"
	"errors"

	"fovea/evaluation"
	"fovea/training/config"
)

type Options struct {
	Resume   bool
	Progress func(Update)
}
type Update struct {
	Task        string
	Done, Total int
	Unit        string
	Detail      string
}
type Result struct {
	Folder    string
	BestEpoch int
	Test      evaluation.Metrics
}
type EvalOptions struct {
	Model, Data, Split, Out string
	Batch                   int
	Runtime                 config.Runtime
	Progress                func(Update)
}

func Run(ctx context.Context, cfg *config.Config, o Options) (*Result, error) {
	return nil, errors.ErrUnsupported
}
func WriteArtifacts(ctx context.Context, cfg *config.Config, out string) error {
	return errors.ErrUnsupported
}
func Evaluate(ctx context.Context, o EvalOptions) (*evaluation.Metrics, error) {
	return nil, errors.ErrUnsupported
}
