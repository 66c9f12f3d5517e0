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

// A Distillation says how much a student learns from its teacher's scores and how much from the targets.
type Distillation struct {
	Temperature float64 // divides the logits of both
	Hard        float64 // weight of the loss of the targets; the rest is that of the teacher
}

// softLoss computes the mean over the batch of T²·KL(softmax(teacher/T) ‖ softmax(logits/T)), as torch.nn.KLDivLoss with
// reduction "batchmean" does (Hinton and others, 2015). It stays in float32.
func softLoss(g *graphs.Graph, logits, teacher *graphs.Value, temperature float64) *graphs.Value {
	logits = g.Cast(logits, graphs.Float32)
	from := len(g.Nodes)
	student, wanted := g.Scale(logits, 1/temperature), g.Scale(teacher, 1/temperature)
	difference := g.Sub(g.LogSoftmax(wanted, -1), g.LogSoftmax(student, -1))
	divergence := g.ReduceSum(g.Mul(g.Softmax(wanted, -1), difference), false)
	loss := g.Scale(divergence, temperature*temperature/float64(logits.Shape[0]))
	for _, n := range g.Nodes[from:] {
		n.FullPrecision = true
	}
	return loss
}

// distil adds a teacher's loss to that of the targets, each with its weight.
func (d Distillation) distil(g *graphs.Graph, hard, logits, teacher *graphs.Value) *graphs.Value {
	soft := softLoss(g, logits, teacher, d.Temperature)
	from := len(g.Nodes)
	loss := g.Add(g.Scale(hard, d.Hard), g.Scale(soft, 1-d.Hard))
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
