package operating

import (
	"encoding/csv"
	"io"
	"strconv"

	"fovea/evaluation"
)

// A Curve is a decision curve: the net benefit of treating those whom the model calls positive, at each threshold, in
// true positives for each image. It is positives/n - false positives/n · t/(1-t). Treating nobody has 0.
type Curve struct {
	Positive   string    // the class, or the lowest positive grade
	Grades     bool      // Positive is a grade: the higher ones count too
	Thresholds []float64 // 0, 0.01, … 0.99
	Model, All []float64 // treating all
}

// NetBenefit returns the decision curve of predictions of two classes or, with the lowest grade that is positive, of
// grades.
func NetBenefit(p *evaluation.Predictions, cut string) (*Curve, error) {
	t, err := newTask(p, cut)
	if err != nil {
		return nil, err
	}
	c := &Curve{Positive: t.point.Positive, Grades: t.point.Negative == ""}
	n := float64(len(t.scores))
	const steps = 100
	for k := range steps {
		at := float64(k) / steps
		benefit := func(positives [2]int64) float64 {
			return float64(positives[1])/n - float64(positives[0])/n*at/(1-at)
		}
		c.Thresholds = append(c.Thresholds, at)
		c.Model = append(c.Model, benefit(t.counts(at)))
		c.All = append(c.All, benefit(t.images))
	}
	return c, nil
}

// WriteCSV writes a row a threshold.
func (c *Curve) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"threshold", "model", "treat_all", "treat_none"}) // the writer keeps its first error
	for i, t := range c.Thresholds {
		record := make([]string, 0, 4)
		for _, v := range []float64{t, c.Model[i], c.All[i], 0} {
			record = append(record, strconv.FormatFloat(v, 'g', -1, 64))
		}
		out.Write(record)
	}
	out.Flush()
	return out.Error()
}
