package evaluation

import (
	"math"
	"slices"
)

// LogLoss returns the mean of -ln p(label) over the rows. With a batch above 0 it is the mean over the means of
// consecutive batches, of which the last may be shorter (engine_finetune.py of RETFound). p must pass
// [Predictions.Check]. Probabilities are clipped as scikit-learn's log_loss does for float64, so that a confident miss
// costs 36 and not infinity.
func LogLoss(p *Predictions, batch int) float64 {
	if batch <= 0 {
		batch = len(p.Rows)
	}
	var means float64
	batches := 0
	for rows := range slices.Chunk(p.Rows, batch) {
		var sum float64
		for _, r := range rows {
			sum += rowLoss(r)
		}
		means += sum / float64(len(rows))
		batches++
	}
	return means / float64(batches)
}

func rowLoss(r Prediction) float64 {
	const eps = 0x1p-52
	return -math.Log(min(max(r.Probabilities[r.Label], eps), 1-eps))
}
