package artifacts

import "fovea/graphs"

// Backbone returns the first graph of a linear probe, at a fixed batch size: images → features, with the parameters
// below the head as inputs. It runs once for each image, as only the head is trained.
func Backbone(m Model, batch int64) (*graphs.Graph, error) {
	return forward(m, "backbone", batch, BelowHead, Features)
}

// Probe returns the graph of one forward and backward pass of the head. Inputs: features, the head's parameters,
// targets, loss_scale. Outputs are those of Training.
func Probe(m Model, batch int64, o Options) (*graphs.Graph, error) {
	return train(m, "probe", batch, HeadAlone, o)
}

// ProbeEval returns the graph of the head's forward pass: features → logits.
func ProbeEval(m Model, batch int64) (*graphs.Graph, error) {
	return forward(m, "probe_eval", batch, HeadAlone, Logits)
}
