package graphtest

import (
	"fovea/graphs"
	"fovea/graphs/autodiff"
)

// WrongBackward differentiates as autodiff.Backward does, with gradients that are off by one percent. Checks of
// gradients must find that.
func WrongBackward(g *graphs.Graph, cotangents map[*graphs.Value]*graphs.Value, wrt []*graphs.Value) (
	[]*graphs.Value, error) {
	gradients, err := autodiff.Backward(g, cotangents, wrt)
	for i, v := range gradients {
		if v != nil {
			gradients[i] = g.Scale(v, 1.01)
		}
	}
	return gradients, err
}
