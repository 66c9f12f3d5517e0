package models

import (
	"context"
	"maps"
	"slices"

	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/internal/naming"
	"fovea/models/imported"
	"fovea/models/pretrained"
	"fovea/onnx/pb"
)

// A File is a classifier from an ONNX file, with a new head.
type File struct {
	path       string
	classifier *imported.Classifier
}

// OpenFile reads a classifier, runs it once to check what was read, and gives it a new head. ONNX Runtime must be
// loaded.
func OpenFile(ctx context.Context, path string, o imported.Options) (*File, error) {
	c, err := imported.OpenClassifier(ctx, path, o)
	if err != nil {
		return nil, err
	}
	return &File{path, c}, nil
}

func (m *File) Forward(name string, batch int64, part artifacts.Part, training bool) (*artifacts.Forward, error) {
	return m.classifier.Forward(name, batch, part, training)
}

func (m *File) Parameters() []transfer.Parameter   { return m.classifier.Parameters }
func (m *File) Images() string                     { return m.classifier.Images }
func (m *File) Inference() (*pb.ModelProto, error) { return m.classifier.Deployed(), nil }
func (m *File) Digest() string                     { return m.classifier.Digest() }
func (m *File) Close() error                       { return m.classifier.Close() }

// Metadata returns an entry of the file's metadata.
func (m *File) Metadata(key string) (string, bool) { return m.classifier.Metadata(key) }

// Initialize writes the parameter's values in the file, and draws those of the new head.
func (m *File) Initialize(i int, values []float32, seed uint64) {
	switch name := m.classifier.Parameters[i].Name; name {
	case transfer.HeadWeight:
		pretrained.DrawHead(values, seed)
	default:
		m.classifier.Initial(name, values)
	}
}

func (m *File) Facts() any {
	c := m.classifier
	return map[string]any{"onnx": naming.Portable(m.path), "head": c.Head.Node, "images": c.Images, "layers": c.Layers}
}

func (m *File) Attributes() []any {
	c := m.classifier
	left := map[string]int{} // parameters that are never trained, by the reason
	for _, p := range c.Parameters {
		if p.Fixed != "" {
			left[p.Fixed]++
		}
	}
	line := []any{"file", m.path, "head", c.Head.String(), "layers", c.Layers, "parameters", len(c.Parameters)}
	for _, why := range slices.Sorted(maps.Keys(left)) {
		line = append(line, "fixed: "+why, left[why])
	}
	return line
}
