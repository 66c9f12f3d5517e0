package report

import (
	"cmp"
	"fmt"
	"slices"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

// Picture is a figure with what a page says about it.
type Picture struct {
	Name    string // of its file, without an ending
	Caption string
	Alt     string // for those who do not see it
	Figure  *figures.Figure
}

// pictureNames are all that there may be.
var pictureNames = []string{"confusion", "confusion_counts", "roc", "precision_recall", "reliability", "benefit",
	"loss", "metrics", "learning_rate", "classes", "errors", "best"}

const bins = 10 // of the reliability diagram

// Pictures returns all figures that there is data for: those of the test, of the course of training and of the data.
func (r *Report) Pictures() ([]Picture, error) {
	var out []Picture
	if r.Test != nil {
		var err error
		if out, err = r.Test.pictures(); err != nil {
			return nil, err
		}
	}
	if r.Run != nil {
		out = append(out, r.Run.pictures()...)
	}
	return append(out, Picture{"classes", "Images of each class" + r.inEachSplit() + ".",
		"Number of images of each class. The table of the section Data holds the same numbers.",
		figures.Classes(r.Classes, r.Splits, "Images of each class")}), nil
}

func (r *Report) inEachSplit() string {
	if len(r.Splits) > 1 {
		return " in each split"
	}
	return ""
}

func (t *Test) pictures() ([]Picture, error) {
	shares, err := figures.Confusion(t.Predictions, t.title("Confusion matrix"))
	if err != nil {
		return nil, err
	}
	counts, err := figures.Counts(t.Predictions, t.title("Confusion matrix")+": images")
	if err != nil {
		return nil, err
	}
	out := []Picture{
		{"confusion", "How the images of each actual class were classified, in percent of that class.",
			"Confusion matrix in percent of each actual class. " + t.confusions(), shares},
		{"confusion_counts", "How the images of each actual class were classified, as numbers of images.",
			"Confusion matrix in images. " + t.confusions(), counts},
	}
	curves, err := t.curves()
	if err != nil {
		return nil, err
	}
	out = append(append(out, curves...), Picture{"reliability",
		"How well probabilities match results: above the diagonal the model is underconfident, below it overconfident.",
		t.reliability(), figures.Reliability(t.bins(), t.percentLevel()+" interval", t.title("Reliability"))})
	if t.Benefit != nil {
		out = append(out, t.benefit())
	}
	return out, nil
}

// benefit returns the decision curve.
func (t *Test) benefit() Picture {
	what := quoted(t.Benefit.Positive)
	if t.Benefit.Grades {
		what += " or a higher grade"
	}
	best := 0
	for i, v := range t.Benefit.Model {
		if v-max(t.Benefit.All[i], 0) > t.Benefit.Model[best]-max(t.Benefit.All[best], 0) {
			best = i
		}
	}
	return Picture{"benefit", fmt.Sprintf("Decision curve for %s. The net benefit is the fraction of true positives, less that "+
		"of false positives times the odds of the threshold. The model helps at thresholds where its curve lies above both "+
		"others. The mix of classes is that of these images.", what),
		fmt.Sprintf("Decision curve. The model is furthest above treating all and treating none at the threshold %.2f, where its "+
			"net benefit is %.3f. A file with the name decision_curve_%s.csv holds the numbers.", t.Benefit.Thresholds[best],
			t.Benefit.Model[best], t.Split),
		figures.Benefit(t.Benefit, t.title("Decision curve"))}
}

// curves returns the ROC and the precision-recall figure, or none if all images are of one class.
func (t *Test) curves() ([]Picture, error) {
	roc, precision, err := figures.Curves(t.Predictions)
	if err != nil || len(roc) == 0 {
		return nil, err
	}
	for _, k := range t.Assessment.PerClass { // both have the same classes
		for i := range roc {
			if roc[i].Class == k.Class {
				roc[i].Interval = measured(k.Measures, "roc_auc").Interval
				precision[i].Interval = measured(k.Measures, "average_precision").Interval
			}
		}
	}
	worst := slices.MinFunc(roc, func(a, b figures.Curve) int { return cmp.Compare(a.Area, b.Area) })
	level, what := t.percentLevel(), "for each class against the rest"
	if len(t.Predictions.Classes) == 2 {
		what = "for " + quoted(worst.Class)
		roc[0].Band, precision[0].Band = &t.Assessment.ROC[0], &t.Assessment.PrecisionRecall[0]
	} else {
		names := [][2]string{{"roc_auc", "average_precision"}, {"roc_auc_micro", "average_precision_micro"}} // as the bands
		for i, n := range names {
			roc = append(roc, t.average(&t.Assessment.ROC[i], n[0]))
			precision = append(precision, t.average(&t.Assessment.PrecisionRecall[i], n[1]))
		}
	}
	return []Picture{
		{"roc", fmt.Sprintf("Sensitivity and false positive rate at every threshold, %s. "+
			"Brackets hold %s intervals of the area: DeLong's for a class, the bootstrap's for an average. "+
			"Shaded areas are %s intervals at each point, by the bootstrap.",
			what, level, level),
			fmt.Sprintf("ROC curves. %s has the smallest area, %.3f. The table of classes holds all areas.", quoted(worst.Class),
				worst.Area),
			figures.ROC(roc, t.title("ROC"))},
		{"precision_recall", fmt.Sprintf("Precision and sensitivity at every threshold, %s. "+
			"Brackets and shaded areas are %s intervals by the bootstrap. "+
			"Chance is the precision of guessing: the fraction of images of the class.", what, level),
			"Precision-recall curves. The table of classes holds the average precisions.",
			figures.PrecisionRecall(precision, t.title("Precision and recall"))},
	}, nil
}

// average returns the curve of an average over classes, whose area is a measure.
func (t *Test) average(b *evaluation.Band, measure string) figures.Curve {
	m := measured(t.Assessment.Measures, measure)
	c := figures.Average(b, m.Value)
	c.Interval = m.Interval
	return c
}

// confusions returns a sentence on the most frequent error.
func (t *Test) confusions() string {
	actual, said, most := 0, 0, 0
	for i, row := range evaluation.ConfusionMatrix(t.Predictions) {
		for j, n := range row {
			if i != j && n > most {
				actual, said, most = i, j, n
			}
		}
	}
	if most == 0 {
		return "There are no errors."
	}
	return fmt.Sprintf("The most frequent error: %s of class %s taken for %s.", countOf(most, "image", "images"),
		quoted(t.Predictions.Classes[actual]), quoted(t.Predictions.Classes[said]))
}

func (t *Test) bins() []figures.Bin {
	return figures.ReliabilityBins(t.Predictions, bins, t.Assessment.Level)
}

func (t *Test) reliability() string {
	sure, right, n := 0.0, 0.0, 0
	for _, b := range t.bins() {
		sure += b.Confidence * float64(b.Count)
		right += b.Accuracy * float64(b.Count)
		n += b.Count
	}
	return fmt.Sprintf("Reliability diagram. "+
		"The predicted class has a mean probability of %.3f and is right for a fraction of %.3f of the images.",
		sure/float64(n), right/float64(n))
}

func (r *Run) pictures() []Picture {
	if len(r.History) == 0 {
		return nil
	}
	series := func(name string, of func(Epoch) float64) figures.Series {
		s := figures.Series{Name: name}
		for _, e := range r.History {
			s.Values = append(s.Values, of(e))
		}
		return s
	}
	last := r.History[len(r.History)-1]
	out := []Picture{
		{"loss", "Loss over the epochs. " +
			"Training and validation loss cannot be compared where labels are smoothed, mixed or weighted.",
			fmt.Sprintf("Loss over %d epochs. The last is %.3f in training and %.3f in validation.", len(r.History),
				last.TrainLoss, last.Val.Loss),
			figures.Course([]figures.Series{series("training loss", func(e Epoch) float64 { return e.TrainLoss }),
				series("validation loss", func(e Epoch) float64 { return e.Val.Loss })}, r.Best, "Loss", "Loss")},
		{"metrics", "Validation metrics over the epochs. The marked epoch was selected.",
			fmt.Sprintf("Validation metrics over %d epochs; epoch %d is selected.", len(r.History), r.Best+1),
			figures.Course([]figures.Series{series("score", func(e Epoch) float64 { return e.Val.Score }),
				series("AUC", func(e Epoch) float64 { return e.Val.ROCAUC }),
				series("accuracy", func(e Epoch) float64 { return e.Val.Accuracy }),
				series("macro F1", func(e Epoch) float64 { return e.Val.F1 }),
				series("kappa", func(e Epoch) float64 { return e.Val.Kappa })}, r.Best, "Metric", "Validation metrics")},
	}
	if len(r.Rates) > 0 {
		out = append(out, Picture{"learning_rate", "Mean learning rate of each epoch, by layer.",
			fmt.Sprintf("Learning rate over the epochs, %s.", countOf(len(r.Rates), "for all layers",
				"curves from the first layer to the last")),
			figures.Rates(r.Rates, "Learning rate by layer")})
	}
	return out
}
