package report

import (
	"fmt"
	"math"
)

// words of a metric.
type words struct{ name, means string }

// described are the metrics of package evaluation, by their names in files.
var described = map[string]words{
	"val_loss":          {"Log loss", "mean surprise at the actual class; 0 is perfect"},
	"accuracy":          {"Accuracy", "share of images that are classified right"},
	"f1":                {"F1, macro", "precision and recall in one, the mean over classes"},
	"roc_auc":           {"AUC, macro", "one class against the rest, the mean; 0.5 knows nothing"},
	"hamming":           {"Hamming loss", "share of wrong yes or no answers, one a class"},
	"jaccard":           {"Jaccard, macro", "right over all that are or were said to be of a class"},
	"precision":         {"Precision, macro", "share of those named that are right"},
	"recall":            {"Recall, macro", "share of a class that is found, the mean over classes"},
	"average_precision": {"Average precision, macro", "area under precision over recall"},
	"kappa":             {"Kappa", "agreement beyond chance"},
	"score":             {"Score", "mean of F1, AUC and kappa"},
	"quadratic_kappa":   {"Quadratic kappa", "the same, where near misses count for less: for grades"},
	"balanced_accuracy": {"Balanced accuracy", "share of a class that is found, the mean over the classes that occur"},
	"linear_kappa":      {"Linear kappa", "kappa where a miss counts by its distance"},
	"brier":             {"Brier score", "squared error of the probabilities; 0 is perfect"},
	"ece":               {"Calibration error", "how far probabilities and shares that are right lie apart, on average"},
	"specificity":       {"Specificity, macro", "share of the other classes that is told to be other"},
	"mcc":               {"MCC", "correlation of truth and prediction"},
}

// plainNames are those of metrics in a sentence.
var plainNames = map[string]string{"score": "the mean of F1, AUC and kappa", "roc_auc": "AUC"}

// rows are the measures of the test; what package evaluation has beyond the
// metrics goes by its name in files.
func (t *Test) rows() []metricRow {
	var out []metricRow
	add := func(name string, value float64) {
		row := metricRow{Name: name, Value: value, Interval: t.estimated(name)}
		if w, ok := described[name]; ok {
			row.Name, row.Means = w.name, w.means
		}
		if name == "accuracy" {
			x := t.accuracyInterval()
			row.Interval = &x
		}
		out = append(out, row)
	}
	known := map[string]bool{}
	for name, value := range t.Metrics.All() {
		add(name, value)
		known[name] = true
	}
	if t.Assessment != nil {
		for _, e := range t.Assessment.Measures {
			if !known[e.Name] {
				add(e.Name, float64(e.Value))
			}
		}
	}
	return out
}

// decimal is a metric in a table; NaN is one that is not defined.
func decimal(x float64) string {
	if math.IsNaN(x) {
		return "none"
	}
	return fmt.Sprintf("%.3f", x)
}
