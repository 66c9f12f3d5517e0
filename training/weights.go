package training

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"fovea/models/pretrained"
	"fovea/onnx/weights"
)

// weightFile is the open file of model.weights.
type weightFile struct {
	*weights.File
	path  string
	match *pretrained.Match
}

// openWeights opens the file of model.weights, if any, and refuses one that is
// not of the model. It reads names and shapes, not weights.
func (p *setup) openWeights() error {
	m := p.config.Model
	if m.Weights == "" {
		return nil
	}
	path, err := weights.Locate(m.Weights)
	if err != nil {
		return fmt.Errorf("model.weights: %w", err)
	}
	f, err := weights.Open(path)
	if err != nil {
		return fmt.Errorf("model.weights: %w", err)
	}
	var model []pretrained.Parameter
	for _, t := range p.layout.Params {
		model = append(model, pretrained.Parameter{Name: t.Name, Shape: t.Shape})
	}
	match, err := pretrained.New(f, model, m.AllowMissing)
	if err != nil {
		f.Close()
		return fmt.Errorf("model.weights: %s: %w", path, err)
	}
	slog.Info("weights", append([]any{"file", path}, match.Report.Attributes()...)...)
	p.weights = &weightFile{f, path, match}
	return nil
}

// loadWeights fills an arena from the file of model.weights, and closes that.
func (p *setup) loadWeights(arena []float32) error {
	if p.weights == nil {
		if err := p.openWeights(); err != nil {
			return err
		}
	}
	if p.weights == nil {
		return nil
	}
	defer p.closeWeights()
	view := func(i int) []float32 { return p.layout.Params[i].View(arena) }
	if err := p.weights.match.Load(view, uint64(p.config.Seed)); err != nil {
		return fmt.Errorf("model.weights: %s: %w", p.weights.path, err)
	}
	return nil
}

func (p *setup) closeWeights() {
	if p.weights != nil {
		p.weights.Close()
		p.weights = nil
	}
}

// close ends the use of the files that a setup has open.
func (p *setup) close() {
	p.closeWeights()
	p.network.close()
}

// openWeights opens the file of model.weights before work is done, and warns
// where layers that are not trained would have none. A run that has checkpoints
// goes on without it.
func (r *run) openWeights() error {
	if r.options.Resume {
		if _, err := os.Stat(filepath.Dir(filepath.Join(r.folder, lastCheckpoint))); err == nil {
			return nil
		}
	}
	if m := r.plan.config.Model; m.Weights == "" && m.ONNX == "" && (m.Freeze > 0 || r.plan.probes()) {
		slog.Warn("the layers that are not trained stay random", "because", "model.weights is empty",
			"remedy", "name pre-trained weights there, or train all layers")
	}
	return r.plan.openWeights()
}
