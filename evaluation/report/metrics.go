package report

import (
	"fmt"
	"math"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

// described are the measures of package evaluation that a page has, in its
// order. What is missing is the accuracy by another name.
var described = []struct{ measure, name, means string }{
	{"accuracy", "Accuracy", "share of images that are classified right"},
	{"balanced_accuracy", "Balanced accuracy", "share of a class that is found, the mean over the classes that occur"},
	{"roc_auc", "AUC, macro", "one class against the rest, the mean; 0.5 knows nothing"},
	{"kappa", "Kappa", "agreement beyond chance"},
	{"quadratic_kappa", "Quadratic kappa", "the same, where near misses count for less: for grades"},
	{"linear_kappa", "Linear kappa", "where a miss counts by its distance"},
	{"mcc", "MCC", "correlation of truth and prediction"},

	{"recall_positive", "Sensitivity (recall)", "share of the positive that is found"},
	{"specificity_positive", "Specificity", "share of the negative that is told to be so"},
	{"precision_positive", "Precision (PPV)", "share of those called positive that are"},
	{"f1_positive", "F1", "precision and sensitivity in one"},
	{"average_precision_positive", "Average precision", "area under precision over recall"},
	{"sensitivity_at_specificity_0.90_positive", "Sensitivity at 90 % specificity", "if the threshold were moved to there"},
	{"sensitivity_at_specificity_0.95_positive", "Sensitivity at 95 % specificity", "if the threshold were moved to there"},
	{"jaccard_positive", "Jaccard", "found over all that are or were said to be positive"},

	{"recall", "Sensitivity (recall), macro", "share of a class that is found, the mean over classes"},
	{"specificity", "Specificity, macro", "share of the other classes that is told to be other"},
	{"precision", "Precision (PPV), macro", "share of those named that are right"},
	{"f1", "F1, macro", "precision and recall in one, the mean over classes"},
	{"average_precision", "Average precision, macro", "area under precision over recall"},
	{"sensitivity_at_specificity_0.90", "Sensitivity at 90 % specificity, macro", "if the threshold of each class were moved to there"},
	{"sensitivity_at_specificity_0.95", "Sensitivity at 95 % specificity, macro", "if the threshold of each class were moved to there"},
	{"jaccard", "Jaccard, macro", "right over all that are or were said to be of a class"},
	{"score", "Score", "mean of F1, AUC and kappa"},

	{"val_loss", "Log loss", "mean surprise at the actual class; 0 is perfect"},
	{"brier", "Brier score", "squared error of the probabilities; 0 is perfect"},
	{"ece", "Calibration error", "how far probabilities and shares that are right lie apart, on average"},
	{"hamming", "Hamming loss", "share of wrong yes or no answers, one a class"},

	{"roc_auc_micro", "AUC, micro", "of all answers together"},
	{"roc_auc_weighted", "AUC, weighted", "mean over classes by their images"},
	{"roc_auc_ovo", "AUC, one against one", "mean over pairs of classes (Hand and Till)"},
	{"roc_auc_ovo_weighted", "AUC, one against one, weighted", "mean over pairs by their images"},
	{"average_precision_micro", "Average precision, micro", "of all answers together"},
	{"average_precision_weighted", "Average precision, weighted", "mean over classes by their images"},
	{"precision_weighted", "Precision, weighted", "mean over classes by their images"},
	{"f1_weighted", "F1, weighted", "mean over classes by their images"},
	{"jaccard_micro", "Jaccard, micro", "of all answers together"},
	{"jaccard_weighted", "Jaccard, weighted", "mean over classes by their images"},
}

// plainNames are those of metrics in a sentence.
var plainNames = map[string]string{"score": "the mean of F1, AUC and kappa", "roc_auc": "AUC"}

// metricRow is a measure in a table.
type metricRow struct {
	Name, Means string
	Value       float64
	Interval    *figures.Interval
}

// rows are the measures of a test.
func (t *Test) rows() []metricRow {
	metrics := map[string]float64{}
	for name, value := range t.Metrics.All() {
		metrics[name] = value // the loss may be another than that of the assessment
	}
	var out []metricRow
	for _, d := range described {
		row := measured(t.Assessment.Measures, d.measure)
		if row.Name == "" {
			continue // of two classes, or of more
		}
		row.Name, row.Means = d.name, d.means
		if v, ok := metrics[d.measure]; ok {
			row.Value = v
		}
		out = append(out, row)
	}
	return out
}

// classRow is a class in a table, with the measures of classColumns.
type classRow struct {
	Class              string
	Support, Predicted int
	Cells              []metricRow
}

// classColumns are the measures of a class that a table has, by their names in files.
var classColumns = []struct{ Title, Name string }{{"Sensitivity (recall)", "recall"}, {"Specificity", "specificity"},
	{"Precision (PPV)", "precision"}, {"F1", "f1"}, {"AUC", "roc_auc"}, {"Average precision", "average_precision"}}

// classRows are the classes of a test. The interval of an AUC is DeLong's.
func (t *Test) classRows() []classRow {
	var out []classRow
	for _, k := range t.Assessment.PerClass {
		row := classRow{Class: k.Class, Support: k.Support, Predicted: k.Predicted}
		for _, column := range classColumns {
			cell := measured(k.Measures, column.Name)
			switch {
			case column.Name == "roc_auc":
				cell.Interval = interval(k.DeLong.Low, k.DeLong.High)
			case column.Name == "precision" && k.Predicted == 0, column.Name != "precision" && column.Name != "specificity" && k.Support == 0:
				cell.Value, cell.Interval = math.NaN(), nil // 0 by convention, which says nothing of the class
			}
			row.Cells = append(row.Cells, cell)
		}
		out = append(out, row)
	}
	return out
}

// unmoved tells whether no round of the bootstrap differed.
func (m metricRow) unmoved() bool { return m.Interval != nil && m.Interval.Low == m.Interval.High }

// measured is a measure with its interval; without a name and NaN if it is not there.
func measured(measures []evaluation.Estimate, name string) metricRow {
	e, ok := evaluation.Find(measures, name)
	if !ok {
		return metricRow{Value: math.NaN()}
	}
	return metricRow{Name: name, Value: float64(e.Value), Interval: interval(e.Low, e.High)}
}

// interval is one that is defined at both ends; else nil.
func interval[N ~float64](low, high N) *figures.Interval {
	if math.IsNaN(float64(low)) || math.IsNaN(float64(high)) {
		return nil
	}
	return &figures.Interval{Low: float64(low), High: float64(high)}
}

// decimal is a metric in a table; NaN is one that is not defined.
func decimal(x float64) string {
	if math.IsNaN(x) {
		return "none"
	}
	return fmt.Sprintf("%.3f", x)
}
