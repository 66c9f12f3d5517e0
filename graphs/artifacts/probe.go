package artifacts

import (
	"slices"

	"fovea/graphs"
	"fovea/graphs/vit"
)

// A linear probe runs the model in two parts, so that the first need not run
// again: images → features, and features → logits, which alone is trained.

// Backbone is the first part at a fixed batch size: images → features, with
// the parameters below the head as inputs.
func Backbone(c vit.Config, batch int64) (*graphs.Graph, error) {
	if err := check(c, batch); err != nil {
		return nil, err
	}
	g := graphs.New("backbone")
	images := g.Input(Images, graphs.Float32, batch, 3, c.ImageSize, c.ImageSize)
	g.Output(Features, c.Features(g, images, nil, c.Declare(g)))
	removeUnusedInputs(g)
	return g, g.Err()
}

// Probe is one forward and backward pass of the second part. Inputs: features,
// targets, loss_scale, the head's parameters; outputs as Training's.
func Probe(c vit.Config, batch int64, o Options) (*graphs.Graph, error) {
	if err := check(c, batch); err != nil {
		return nil, err
	}
	g := graphs.New("probe")
	features := g.Input(Features, graphs.Float32, batch, c.Width)
	targets := g.Input(Targets, graphs.Float32, batch, c.Classes)
	lossScale := g.Input(LossScale, graphs.Float32)
	parameters := c.Declare(g)
	logits := c.Classify(g, features, parameters)
	removeUnusedInputs(g, targets, lossScale)
	var trained []*graphs.Value
	for _, v := range g.Inputs {
		if v == parameters[v.Name] && !o.Frozen[v.Name] {
			trained = append(trained, v)
		}
	}
	return g, differentiate(g, logits, targets, lossScale, trained, o)
}

// ProbeEval is the forward pass of the second part: features → logits.
func ProbeEval(c vit.Config, batch int64) (*graphs.Graph, error) {
	if err := check(c, batch); err != nil {
		return nil, err
	}
	g := graphs.New("probe_eval")
	features := g.Input(Features, graphs.Float32, batch, c.Width)
	g.Output(Logits, c.Classify(g, features, c.Declare(g)))
	removeUnusedInputs(g)
	return g, g.Err()
}

// removeUnusedInputs drops the inputs, but for those named, that no node reads.
func removeUnusedInputs(g *graphs.Graph, but ...*graphs.Value) {
	used := map[*graphs.Value]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			used[v] = true
		}
	}
	g.Inputs = slices.DeleteFunc(g.Inputs, func(v *graphs.Value) bool { return !used[v] && !slices.Contains(but, v) })
}
