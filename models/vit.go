package models

import (
	"fovea/graphs/artifacts"
	"fovea/graphs/transfer"
	"fovea/graphs/vit"
	"fovea/onnx/pb"
)

// A ViT is a Vision Transformer that Fovea builds, RETFound's.
type ViT struct {
	artifacts.ViT
	list []vit.Parameter
}

// NewViT returns the Vision Transformer of c.
func NewViT(c vit.Config) (*ViT, error) {
	return &ViT{artifacts.ViT(c), c.Parameters()}, c.Validate()
}

func (m *ViT) Parameters() []transfer.Parameter {
	var out []transfer.Parameter
	for _, p := range m.list {
		out = append(out, transfer.Parameter{Name: p.Name, Shape: p.Shape, Layer: vit.Layer(p.Name, m.Depth),
			Decay: vit.Decays(p.Name, p.Shape)})
	}
	return out
}

func (m *ViT) Initialize(i int, values []float32, seed uint64) { m.list[i].Initialize(values, seed, i) }

func (m *ViT) Inference() (*pb.ModelProto, error) {
	g, err := artifacts.Inference(vit.Config(m.ViT))
	if err != nil {
		return nil, err
	}
	return g.Model()
}

func (m *ViT) Images() string    { return artifacts.Images }
func (m *ViT) Facts() any        { return vit.Config(m.ViT) }
func (m *ViT) Attributes() []any { return nil }
func (m *ViT) Digest() string    { return "" }
func (m *ViT) Close() error      { return nil }
