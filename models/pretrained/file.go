package pretrained

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"fovea/configs"
	"fovea/onnx/weights"
)

// A File is an open weight file whose tensors are matched with a model's parameters.
type File struct {
	file  *weights.File
	path  string
	match *Match
}

// Open opens a weight file, a path or a name in the hub's cache. It refuses a file that does not fit the model. It
// reads names and shapes, not weights.
func Open(name string, model []Parameter, o Options) (*File, error) {
	path, err := weights.Locate(name)
	if err != nil {
		return nil, fmt.Errorf("model.weights: %w", err)
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model.weights: %w", err)
	}
	match, err := New(f, model, o)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("model.weights: %s: %w", path, err)
	}
	slog.Info("weights", append([]any{"file", path}, match.Report.Attributes()...)...)
	return &File{f, path, match}, nil
}

// Load fills the parameters of the model, see [Match.Load].
func (f *File) Load(view func(parameter int) []float32, seed uint64) error {
	if err := f.match.Load(view, seed); err != nil {
		return fmt.Errorf("model.weights: %s: %w", f.path, err)
	}
	return nil
}

// Known returns the published model that the file is most likely of, or nil.
func (f *File) Known() *configs.Preset {
	outlines := Outlines(f.file, "")
	if len(outlines) == 0 {
		return nil
	}
	return Known(f.file, outlines[0], filepath.Base(f.path))
}

// Close closes the file. It does nothing for a nil File.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	return f.file.Close()
}
