package evaluation

// ClassMetrics are the one-versus-rest metrics of one class, each in [0, 1].
type ClassMetrics struct {
	Class     string
	Support   int // rows of this class
	Predicted int // rows predicted as this class

	Precision, Recall, F1, Jaccard float64 // 0 where the denominator is 0
	AveragePrecision               float64 // 0 without rows of this class
	ROCAUC                         float64 // NaN if no row, or every row, is of this class
}

// PerClass returns a [ClassMetrics] a class, in the order of p.Classes. Errors are those of [Predictions.Check].
func PerClass(p *Predictions) ([]ClassMetrics, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	t, _ := newSample(p).whole()
	out := make([]ClassMetrics, len(p.Classes))
	for c, name := range p.Classes {
		out[c] = ClassMetrics{Class: name, Support: int(t.support[c]), Predicted: int(t.predicted[c]),
			Precision: t.precision[c], Recall: t.recall[c], F1: t.f1[c], Jaccard: t.jaccard[c],
			AveragePrecision: t.ap[c], ROCAUC: t.auc[c]}
	}
	return out, nil
}
