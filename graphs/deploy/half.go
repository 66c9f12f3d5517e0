package deploy

import "fovea/graphs"

// Half makes g one of mixed precision for inference: weights are stored as
// float16, products run in it, and what lies between them in the type that
// package graphs' Mix finds. Inputs and outputs, the head, softmax of the scores,
// and statistics stay in float32.
func Half(g *graphs.Graph) error {
	if err := standard(g); err != nil {
		return err
	}
	if n := head(g); n != nil {
		n.FullPrecision = true
	}
	keepNormalisations(g)
	g.Mix(graphs.Float16)
	g.RemoveDead()
	return g.Err()
}

// keepNormalisations leaves factor and shift behind a division by a standard
// deviation, of a layer normalisation that is written out, in float32: ONNX Runtime
// joins the nodes and wants one type in them.
func keepNormalisations(g *graphs.Graph) {
	normalised := map[*graphs.Value]bool{}
	for _, n := range g.Nodes {
		if n.Domain != "" || len(n.Inputs) != 2 {
			continue
		}
		by := n.Inputs[1]
		switch {
		case n.Op == "Div" && by.Producer() != nil && by.Producer().Op == "Sqrt":
		case (n.Op == "Mul" || n.Op == "Add") && (normalised[n.Inputs[0]] || normalised[by]):
			n.FullPrecision = true
			if n.Op == "Add" {
				continue // the last
			}
		default:
			continue
		}
		normalised[n.Outputs[0]] = true
	}
}
