package artifacts

import "fovea/graphs"

// tiny keeps the derivative of the focal factor finite where gamma is below 1 and the probability of an image's class
// is 1. Added to anything larger it changes nothing.
const tiny = 1e-30

// meanLoss computes the mean over the batch of -Σ target·(1-p)^gamma·log(p) with p = softmax(logits). With gamma 0 this
// is torch.nn.CrossEntropyLoss for class probabilities, otherwise the focal loss (Lin et al., 2017). It is linear in
// the targets, which may carry weights of classes. It stays in float32.
func meanLoss(g *graphs.Graph, logits, targets *graphs.Value, gamma float64) *graphs.Value {
	logits = g.Cast(logits, graphs.Float32)
	from := len(g.Nodes)
	terms := g.Mul(targets, g.LogSoftmax(logits, -1))
	if gamma != 0 {
		others := g.MatMul(g.Softmax(logits, -1), withoutDiagonal(g, logits.Shape[1]), graphs.NoTrans)
		terms = g.Mul(terms, g.Pow(g.Add(others, g.Scalar(tiny)), g.Scalar(gamma)))
	}
	loss := g.Scale(g.ReduceSum(terms, false), -1/float64(logits.Shape[0]))
	for _, n := range g.Nodes[from:] {
		n.FullPrecision = true
	}
	return loss
}

// withoutDiagonal returns the matrix that adds up the probabilities of the other classes: 1 - p without the
// cancellation where p is close to 1.
func withoutDiagonal(g *graphs.Graph, classes int64) *graphs.Value {
	ones := make([]float32, classes*classes)
	for i := range ones {
		if int64(i)%(classes+1) != 0 {
			ones[i] = 1
		}
	}
	return g.Floats(ones, classes, classes)
}
