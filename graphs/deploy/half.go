package deploy

import "fovea/graphs"

// Half makes g one of mixed precision for inference: weights are stored as
// float16, products run in it, and what lies between them in the type that
// package graphs' Mix finds. Inputs and outputs, the head, softmax of the scores,
// and statistics stay in float32.
//
// A layer normalisation that is written out becomes one operator where the opset,
// that g will be written for, has it: ONNX Runtime joins the nodes, and between
// casts it gets their types wrong.
func Half(g *graphs.Graph, opset int64) error {
	if err := standard(g); err != nil {
		return err
	}
	if n := head(g); n != nil {
		n.FullPrecision = true
	}
	if opset >= expansions["LayerNormalization"].since {
		joinNormalizations(g)
	}
	g.Mix(graphs.Float16)
	g.RemoveDead()
	return g.Err()
}
