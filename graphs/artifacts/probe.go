package artifacts

import "fovea/graphs"

// A linear probe runs the model in two parts, so that the first need not run
// again: images → features, and features → logits, which alone is trained.

// Backbone is the first part at a fixed batch size: images → features, with
// the parameters below the head as inputs.
func Backbone(m Model, batch int64) (*graphs.Graph, error) {
	return forward(m, "backbone", batch, BelowHead, Features)
}

// Probe is one forward and backward pass of the second part. Inputs: features,
// the head's parameters, targets, loss_scale; outputs as Training's.
func Probe(m Model, batch int64, o Options) (*graphs.Graph, error) {
	return train(m, "probe", batch, HeadAlone, o)
}

// ProbeEval is the forward pass of the second part: features → logits.
func ProbeEval(m Model, batch int64) (*graphs.Graph, error) {
	return forward(m, "probe_eval", batch, HeadAlone, Logits)
}
