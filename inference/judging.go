package inference

import (
	"fovea/evaluation"
)

// Judging says how predictions become metrics. The zero value is plain.
type Judging struct {
	Half      bool // round logits and probabilities to float16
	LossBatch int  // take the loss as a mean over batches of so many images; 0: over images
}

// Judge computes the metrics, after it has rounded the probabilities if need be. The loss is that of the probabilities
// before: PyTorch's autocast computes cross-entropy from half logits in float32.
func (j Judging) Judge(p *evaluation.Predictions) (evaluation.Metrics, []evaluation.Warning, error) {
	if err := p.Check(); err != nil {
		return evaluation.Metrics{}, nil, err
	}
	loss := evaluation.LogLoss(p, j.LossBatch)
	if j.Half {
		for _, r := range p.Rows {
			for c, x := range r.Probabilities {
				r.Probabilities[c] = evaluation.RoundHalf(x)
			}
		}
	}
	m, warnings, err := evaluation.Compute(p)
	m.Loss = loss
	return m, warnings, err
}
