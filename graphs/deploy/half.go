package deploy

import "fovea/graphs"

// Half changes g to mixed precision for inference, as Mix of package graphs does: weights are stored as float16 and
// products run in it. Inputs and outputs, the head, the softmax of the scores, and statistics stay in float32.
//
// If opset, for which g will be written, has LayerNormalization, Half uses it for layer normalisations that are written
// out. ONNX Runtime would join their nodes itself, and between casts it gets the types wrong.
func Half(g *graphs.Graph, opset int64) error {
	if err := useStandardProducts(g); err != nil {
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
