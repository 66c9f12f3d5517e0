package report

import (
	"cmp"
	"fmt"
	"math"
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

const (
	bins  = 10
	shown = 24 // images of a list, at most
)

// Pictures are all figures that there is data for: of the course, of the data
// and of the test.
func (r *Report) Pictures() ([]Picture, error) {
	test, err := r.testPictures()
	if err != nil {
		return nil, err
	}
	return slices.Concat(test, r.coursePictures(), r.dataPictures()), nil
}

func (r *Report) testPictures() ([]Picture, error) {
	if r.Test == nil {
		return nil, nil
	}
	p := r.Test.Predictions
	shares, err := figures.Confusion(p, "Confusion matrix, test split")
	if err != nil {
		return nil, err
	}
	counts, err := figures.Counts(p, "Confusion matrix, test split: images")
	if err != nil {
		return nil, err
	}
	roc, err := figures.ROCCurves(p)
	if err != nil {
		return nil, err
	}
	interval := ""
	if a := r.Test.Assessment; a != nil {
		interval = " AUC with DeLong's 95 % interval."
		for i := range roc {
			for _, k := range a.PerClass {
				if low, high := float64(k.DeLong.Low), float64(k.DeLong.High); k.Class == roc[i].Class && !math.IsNaN(low+high) {
					roc[i].Interval = &figures.Interval{Low: low, High: high}
				}
			}
		}
	}
	precision, err := figures.PrecisionRecallCurves(p)
	if err != nil {
		return nil, err
	}
	out := []Picture{
		{"confusion", "What each actual class was taken for, in percent of it.",
			"Confusion matrix in percent of each actual class. " + r.confusions(), shares},
		{"confusion_counts", "The same in images.", "Confusion matrix in images. " + r.confusions(), counts},
	}
	if len(roc) > 0 { // else all images are of one class
		worst := slices.MinFunc(roc, func(a, b figures.Curve) int { return cmp.Compare(a.Area, b.Area) })
		out = append(out, Picture{"roc", "Sensitivity against false alarms as the threshold moves, each class against the rest." + interval,
			fmt.Sprintf("ROC curves. The least area has %s with %.3f; all stand in the table of classes.", quoted(worst.Class), worst.Area),
			figures.ROC(roc, "ROC, one class against the rest")},
			Picture{"precision_recall", "How many of those named are right, against how many are found.",
				"Precision-recall curves. Average precisions stand in the table of classes.",
				figures.PrecisionRecall(precision, "Precision and recall, one class against the rest")})
	}
	return append(out, Picture{"reliability", "Whether a probability can be taken at its word: above the diagonal the model is too modest, below it too sure.",
		r.reliability(), figures.Reliability(figures.ReliabilityBins(p, bins), "Reliability, test split")}), nil
}

// confusions names the most frequent one.
func (r *Report) confusions() string {
	actual, said, most := 0, 0, 0
	for i, row := range evaluation.ConfusionMatrix(r.Test.Predictions) {
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
		quoted(r.Classes[actual]), quoted(r.Classes[said]))
}

func (r *Report) reliability() string {
	sure, right, n := 0.0, 0.0, 0
	for _, b := range figures.ReliabilityBins(r.Test.Predictions, bins) {
		sure += b.Confidence * float64(b.Count)
		right += b.Accuracy * float64(b.Count)
		n += b.Count
	}
	return fmt.Sprintf("Reliability diagram. On average the predicted class has a probability of %.3f and is right for %.3f of the images.",
		sure/float64(n), right/float64(n))
}

func (r *Report) coursePictures() []Picture {
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
		{"loss", "Loss over the epochs. Training and validation loss differ by more than fit where labels are smoothed, mixed or weighted.",
			fmt.Sprintf("Loss over %d epochs, at the end %.3f in training and %.3f in validation.", len(r.History), last.TrainLoss, last.Val.Loss),
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
		out = append(out, Picture{"learning_rate", "Mean learning rate of an epoch, by layer.",
			fmt.Sprintf("Learning rate over the epochs, %s.", countOf(len(r.Rates), "for all layers", "curves from the first layer to the last")),
			figures.Rates(r.Rates, "Learning rate by layer")})
	}
	return out
}

func (r *Report) dataPictures() []Picture {
	return []Picture{{"classes", "Images of each class in each split.",
		"Number of images of each class by split; the same numbers stand in the table of splits.",
		figures.Classes(r.Classes, r.Splits, "Images of each class")}}
}

// Sheets are the test images that the model does worst and best on, for files:
// a page shows the worst as a list.
func (r *Report) Sheets() []Picture {
	if r.Test == nil || r.Test.Open == nil {
		return nil
	}
	var out []Picture
	for _, s := range []struct {
		name, title string
		rows        []evaluation.Prediction
	}{{"errors", "The hardest errors: least probability of the actual class", r.Test.hardest()},
		{"best", "The surest right answers", r.Test.surest()}} {
		if len(s.rows) == 0 {
			continue
		}
		var tiles []figures.Tile
		for _, x := range s.rows {
			c := x.Predicted()
			tile := figures.Tile{Actual: r.Classes[x.Label], Predicted: r.Classes[c], Probability: x.Probabilities[c]}
			if img, err := r.Test.Open(x.Path); err == nil { // else it stays grey
				tile.Image = shrink(img)
			}
			tiles = append(tiles, tile)
		}
		out = append(out, Picture{Name: s.name, Figure: figures.Sheet(tiles, s.title)})
	}
	return out
}

// hardest are the errors whose actual class had the least probability.
func (t *Test) hardest() []evaluation.Prediction {
	return t.extreme(func(x evaluation.Prediction) bool { return x.Predicted() != x.Label },
		func(x evaluation.Prediction) float64 { return x.Probabilities[x.Label] })
}

// surest are the right predictions of greatest probability.
func (t *Test) surest() []evaluation.Prediction {
	return t.extreme(func(x evaluation.Prediction) bool { return x.Predicted() == x.Label },
		func(x evaluation.Prediction) float64 { return -x.Probabilities[x.Label] })
}

func (t *Test) extreme(which func(evaluation.Prediction) bool, by func(evaluation.Prediction) float64) []evaluation.Prediction {
	var rows []evaluation.Prediction
	for _, x := range t.Predictions.Rows {
		if which(x) {
			rows = append(rows, x)
		}
	}
	slices.SortStableFunc(rows, func(a, b evaluation.Prediction) int { return cmp.Compare(by(a), by(b)) })
	return rows[:min(len(rows), shown)]
}
