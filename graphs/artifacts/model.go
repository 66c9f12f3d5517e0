package artifacts

import (
	"fmt"
	"slices"

	"fovea/graphs"
	"fovea/graphs/vit"
)

// A Model writes its forward pass as a graph.
type Model interface {
	// Forward begins a graph with a part of the model, at a fixed batch size. training asks for the input drop_path, if
	// the model has residual branches that it knows.
	Forward(name string, batch int64, part Part, training bool) (*Forward, error)
}

// A Part selects which layers of a model a graph has.
type Part int

// A linear probe runs BelowHead once for each image and trains HeadAlone.
const (
	Whole     Part = iota // images → logits
	BelowHead             // images → features
	HeadAlone             // features → logits
)

// A Forward holds a part of a model as a graph without outputs, whose first input is the images or the features.
type Forward struct {
	Graph      *graphs.Graph
	Result     *graphs.Value   // float32 [B,C] or [B,F]
	Parameters []*graphs.Value // inputs of the graph, the lowest layer first
}

// A ViT is a Model that Fovea builds. Its images are called Images.
type ViT vit.Config

// Forward writes the part of the ViT.
func (m ViT) Forward(name string, batch int64, part Part, training bool) (*Forward, error) {
	c := vit.Config(m)
	if batch < 1 {
		return nil, fmt.Errorf("artifacts: batch %d must be 1 or more", batch)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := graphs.New(name)
	f := &Forward{Graph: g}
	if part == HeadAlone {
		features := g.Input(Features, graphs.Float32, batch, c.FeatureWidth())
		parameters := c.Declare(g)
		f.Result = c.Classify(g, features, parameters)
		f.Parameters = m.keepUsed(g, parameters)
		return f, g.Err()
	}
	images := g.Input(Images, graphs.Float32, batch, 3, c.ImageSize, c.ImageSize)
	var dropPath *graphs.Value
	if training {
		dropPath = g.Input(DropPath, graphs.Float32, int64(2*c.Depth), batch)
	}
	parameters := c.Declare(g)
	f.Result = c.Features(g, images, dropPath, parameters)
	if part == Whole {
		f.Result = c.Classify(g, f.Result, parameters)
	}
	f.Parameters = m.keepUsed(g, parameters)
	return f, g.Err()
}

// keepUsed drops the parameters that no node of the graph reads and lists the others. Nodes always read images and
// drop_path.
func (m ViT) keepUsed(g *graphs.Graph, parameters map[string]*graphs.Value) (kept []*graphs.Value) {
	g.RemoveUnusedInputs()
	for _, p := range vit.Config(m).Parameters() {
		if v := parameters[p.Name]; slices.Contains(g.Inputs, v) {
			kept = append(kept, v)
		}
	}
	return kept
}
