package report

import (
	"fmt"
	"html/template"
	"math"

	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/evaluation/operating"
)

// described are the measures of package evaluation that a page has, in its order. What is missing is the accuracy by
// another name.
var described = []struct{ measure, name, means string }{
	{"accuracy", "Accuracy", "fraction of the images that are classified correctly"},
	{"balanced_accuracy", "Balanced accuracy", "fraction of a class that is found, mean over the classes that occur"},
	{"roc_auc", "AUC, macro", "each class against the rest, mean over classes; guessing has 0.5"},
	{"kappa", "Kappa", "agreement beyond chance"},
	{"quadratic_kappa", "Quadratic kappa", "agreement beyond chance, where near misses count less"},
	{"linear_kappa", "Linear kappa", "agreement beyond chance, where a miss counts by its distance"},
	{"mcc", "MCC", "correlation of actual and predicted class"},

	{"recall_positive", "Sensitivity (recall)", "fraction of the positive images that are found"},
	{"specificity_positive", "Specificity", "fraction of the negative images that are correctly ruled out"},
	{"precision_positive", "Precision (PPV)", "fraction of the positive answers that are right"},
	{"f1_positive", "F1", "harmonic mean of precision and sensitivity"},
	{"average_precision_positive", "Average precision", "area under the precision-recall curve"},
	{"sensitivity_at_specificity_0.90_positive", "Sensitivity at 90 % specificity", "fraction of the positive images found"},
	{"sensitivity_at_specificity_0.95_positive", "Sensitivity at 95 % specificity", "fraction of the positive images found"},
	{"jaccard_positive", "Jaccard", "images found, divided by those that are positive or predicted as such"},

	{"recall", "Sensitivity (recall), macro", "fraction of a class that is found, mean over classes"},
	{"specificity", "Specificity, macro", "fraction of the other images that are correctly ruled out, mean over classes"},
	{"precision", "Precision (PPV), macro", "fraction of the answers that are right, mean over classes"},
	{"f1", "F1, macro", "harmonic mean of precision and sensitivity, mean over classes"},
	{"average_precision", "Average precision, macro", "area under the precision-recall curve, mean over classes"},
	{"jaccard", "Jaccard, macro", "images found, divided by those that are of a class or predicted as such"},
	{"score", "Score", "mean of F1, AUC and kappa"},

	{"val_loss", "Log loss", "mean of −log of the probability of the actual class; 0 is perfect"},
	{"brier", "Brier score", "squared error of the probabilities; 0 is perfect"},
	{"ece", "Calibration error", "mean gap between the probability and the fraction that is right; 0 is perfect"},
	{"hamming", "Hamming loss", "fraction of wrong answers to “is it this class?”"},

	{"roc_auc_micro", "AUC, micro", "all classes pooled"},
	{"roc_auc_weighted", "AUC, weighted", "mean over classes, weighted by their images"},
	{"roc_auc_ovo", "AUC, one against one", "mean over pairs of classes (Hand and Till)"},
	{"roc_auc_ovo_weighted", "AUC, one against one, weighted", "mean over pairs of classes, weighted by their images"},
	{"average_precision_micro", "Average precision, micro", "all classes pooled"},
	{"average_precision_weighted", "Average precision, weighted", "mean over classes, weighted by their images"},
	{"precision_weighted", "Precision, weighted", "mean over classes, weighted by their images"},
	{"f1_weighted", "F1, weighted", "mean over classes, weighted by their images"},
	{"jaccard_micro", "Jaccard, micro", "all classes pooled"},
	{"jaccard_weighted", "Jaccard, weighted", "mean over classes, weighted by their images"},
}

// plainNames holds the metrics as they are called in a sentence.
var plainNames = map[string]string{"score": "the mean of F1, AUC and kappa", "roc_auc": "AUC"}

// metricRow is a measure in a table.
type metricRow struct {
	Name, Means string
	Rule        string // by which images were taken for a class
	Value       float64
	Interval    *figures.Interval
}

// rows returns the measures of a test that a page shows.
func (t *Test) rows() []metricRow {
	metrics := map[string]float64{}
	for name, value := range t.Metrics.All() {
		metrics[name] = value // the loss may be another than that of the assessment
	}
	var out []metricRow
	for _, d := range described {
		row := measured(t.Assessment.Measures, d.measure)
		if row.Name == "" || !t.Assessment.Headlined(d.measure) {
			continue // of two classes, of more, or of grades
		}
		row.Name, row.Means = t.Titled(d.measure), d.means
		if d.measure == "roc_auc" && row.Name == "AUC" {
			row.Means = "probability that a positive image is ranked above a negative one; guessing has 0.5"
		}
		if v, ok := metrics[d.measure]; ok {
			row.Value = v
		}
		out = append(out, row)
	}
	return out
}

// An operatingTable holds what a threshold does.
type operatingTable struct {
	*operating.Result
	Rows []metricRow
}

// operating returns the tables of the operating points.
func (t *Test) operating() []operatingTable {
	var out []operatingTable
	for _, r := range t.Operating {
		table := operatingTable{Result: r}
		for _, m := range r.Measures {
			row := measured(r.Measures, m.Name)
			row.Name = r.Name(m.Name)
			table.Rows = append(table.Rows, row)
		}
		out = append(out, table)
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

// classRows returns the classes of a test with their measures.
func (t *Test) classRows() []classRow {
	var out []classRow
	for _, k := range t.Assessment.PerClass {
		row := classRow{Class: k.Class, Support: k.Support, Predicted: k.Predicted}
		for _, column := range classColumns {
			cell := measured(k.Measures, column.Name)
			switch {
			case column.Name == "precision" && k.Predicted == 0,
				column.Name != "precision" && column.Name != "specificity" && k.Support == 0:
				cell.Value, cell.Interval = math.NaN(), nil // 0 by convention, which says nothing of the class
			}
			row.Cells = append(row.Cells, cell)
		}
		out = append(out, row)
	}
	return out
}

// unmoved reports whether all rounds of the bootstrap gave the same value.
func (m metricRow) unmoved() bool { return m.Interval != nil && m.Interval.Low == m.Interval.High }

// measured returns a measure with its interval. If it is not there, it has no name and its value is NaN.
func measured(measures []evaluation.Estimate, name string) metricRow {
	e, ok := evaluation.Find(measures, name)
	if !ok {
		return metricRow{Value: math.NaN()}
	}
	return metricRow{Name: name, Rule: e.Rule, Value: float64(e.Value), Interval: interval(e.Low, e.High)}
}

// interval returns an interval that is defined at both ends, else nil.
func interval[N ~float64](low, high N) *figures.Interval {
	if math.IsNaN(float64(low)) || math.IsNaN(float64(high)) {
		return nil
	}
	return &figures.Interval{Low: float64(low), High: float64(high)}
}

// decimal returns a metric as a table shows it; NaN is not available.
func decimal(x float64) string {
	if math.IsNaN(x) {
		return "n/a"
	}
	return fmt.Sprintf("%.3f", x)
}

// Titled returns the name of a measure as a table shows it. Of two classes there is one AUC.
func (t *Test) Titled(measure string) string { return Title(measure, len(t.Predictions.Classes)) }

// Title returns the name of a measure of so many classes as a table shows it. Of two classes there is one AUC.
func Title(measure string, classes int) string {
	if measure == "roc_auc" && classes == 2 {
		return "AUC"
	}
	for _, d := range described {
		if d.measure == measure {
			return d.name
		}
	}
	return measure
}

// cell returns a measure and its interval, with so many decimals.
func cell(e evaluation.Estimate, decimals int) template.HTML {
	if math.IsNaN(float64(e.Value)) {
		return `<span class="none">n/a</span>`
	}
	out := fmt.Sprintf("%.*f", decimals, e.Value)
	if x := interval(e.Low, e.High); x != nil {
		out += fmt.Sprintf("<br> <small>%.*f to %.*f</small>", decimals, x.Low, decimals, x.High)
	}
	return template.HTML(out)
}

// share returns a fraction as a table shows it; NaN is not available.
func share(x float64) string {
	if math.IsNaN(x) {
		return "n/a"
	}
	return percent(x)
}
