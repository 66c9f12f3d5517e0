package training

import (
	"fovea/evaluation"
	"fovea/training/config"
)

// judging is how predictions become metrics. The zero value is plain.
type judging struct {
	half      bool // logits and probabilities are rounded to float16
	lossBatch int  // images of the batches that the loss is a mean over; 0: it is one over images
}

func judgingOf(c *config.Config) judging {
	j := judging{half: c.Evaluation.Probabilities == "fp16"}
	if c.Evaluation.Loss == "batches" {
		j.lossBatch = c.Training.Batch
	}
	return j
}

// judge computes the metrics, after it has rounded the probabilities if need
// be. The loss is that of the probabilities before: PyTorch's autocast computes
// cross-entropy from half logits in float32.
func (j judging) judge(p *evaluation.Predictions) (evaluation.Metrics, []evaluation.Warning, error) {
	if err := p.Check(); err != nil {
		return evaluation.Metrics{}, nil, err
	}
	loss := evaluation.LogLoss(p, j.lossBatch)
	if j.half {
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

// selection is the metric of the config that the best epoch has the most of.
func selection(c *config.Config) func(evaluation.Metrics) float64 {
	if c.Evaluation.Select == "roc_auc" {
		return func(m evaluation.Metrics) float64 { return m.ROCAUC }
	}
	return func(m evaluation.Metrics) float64 { return m.Score }
}
