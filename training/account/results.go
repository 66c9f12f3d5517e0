package account

import (
	"fmt"
	"slices"
	"strings"

	"fovea/evaluation"
	"fovea/internal/runfiles"
)

func (f *folder) external(w *writer) {
	w.lack("The run tests on the test split of its own data alone.")
}

func (f *folder) utility(w *writer) {
	if f.benefit {
		w.say([]string{runfiles.DecisionCurve("test")}, "Net benefit over thresholds (decision curve).")
	} else {
		w.lack("A decision curve.")
	}
}

func (f *folder) internal(w *writer) {
	w.say(keys("evaluation.select"), "The model is evaluated on the validation set after each epoch.")
	if f.assessment != nil {
		w.say([]string{runfiles.Metrics("test"), inMeasures + ": rows"}, "The selected one is evaluated once on the test "+
			"set (%s).",
			count(f.assessment.Rows, "image"))
	}
}

func (f *folder) output(w *writer) {
	w.say([]string{inModel + "probabilities"}, "The model gives each class a probability, by softmax.")
	for i, p := range f.points {
		which := "Also"
		if i == 0 {
			which = "The answer"
		}
		w.say([]string{inMeasures + ": operating_points"}, "%s: %s (rule %s, chosen on %s of the split %s before the test).",
			which, where(p.Point),
			p.Rule, count(p.Images, "image"), p.ChosenOn)
	}
	argmax := "The class of the largest one"
	if len(f.model.Classes) == 2 {
		argmax = fmt.Sprintf("The class of the larger one, which is a threshold of 0.5 on the probability of %s,",
			f.positive())
	}
	if len(f.points) > 0 {
		w.say([]string{inModel + "fovea.classes"}, "%s counts for measures without a threshold of their own.", argmax)
	} else {
		w.say([]string{inModel + "fovea.classes"}, "%s is the answer. The run chose no operating point.", argmax)
	}
	w.say([]string{inModel + "probabilities"}, "Each image gets an answer: none is indeterminate.")
}

func (f *folder) measures(w *writer) {
	var all []string
	for _, m := range f.assessment.Measures {
		all = append(all, m.Name)
	}
	w.say([]string{inMeasures + ": measures"}, "%s.", strings.Join(all, ", "))
	var each []string
	if len(f.assessment.PerClass) > 0 {
		for _, m := range f.assessment.PerClass[0].Measures {
			each = append(each, m.Name)
		}
		w.say([]string{inMeasures + ": per_class"}, "For each class against the rest: %s. docs/metrics.md of Fovea defines "+
			"them.",
			strings.Join(each, ", "))
	}
	w.say([]string{runfiles.Report}, "Plots: ROC and precision-recall curves, calibration, confusion matrix.")
}

func (f *folder) uncertainty(w *writer) {
	a := f.assessment
	by := map[string][]string{}
	methods := []string{}
	add := func(m evaluation.Estimate) {
		if m.Method == "" || slices.Contains(by[m.Method], m.Name) {
			return
		}
		if by[m.Method] == nil {
			methods = append(methods, m.Method)
		}
		by[m.Method] = append(by[m.Method], m.Name)
	}
	for _, m := range a.Measures {
		add(m)
	}
	for _, c := range a.PerClass {
		for _, m := range c.Measures {
			add(m)
		}
	}
	w.say([]string{inMeasures + ": level, bootstrap_rounds, seed"}, "Intervals of %g %%, with %d bootstrap rounds.",
		100*a.Level, a.Rounds)
	for _, m := range methods {
		w.say([]string{inMeasures + ": method"}, "By %s: %s.", m, strings.Join(by[m], ", "))
	}
	if f.assessment.Patients > 0 {
		w.say([]string{inMeasures + ": patients"}, "The images of a patient count together where the method says so (%s).",
			count(f.assessment.Patients, "patient"))
	} else if f.images.column("patient") >= 0 {
		w.lack("Intervals by patient: these count images, and are too narrow where a patient has several.")
	}
}

// frequencies says on what predictive values depend.
const frequencies = "Predictive values hold for the frequencies of the classes in the test set."

// rule says how answers are counted.
const rule = "counted by the class of the largest probability"

func (f *folder) results(w *writer) {
	m := f.assessment.Measures
	macro, two := "macro ", len(f.assessment.Classes) == 2
	auc := "macro AUC"
	if two {
		auc = "AUC"
	}
	quadratic := ""
	if f.ordered() {
		quadratic = estimate(m, "quadratic_kappa", "quadratic kappa")
	}
	w.say([]string{inMeasures + ": measures"}, "%s, with %g %% intervals: %s.", count(f.assessment.Rows, "test image"),
		100*f.assessment.Level, join(estimate(m, "accuracy", "accuracy"), estimate(m, "roc_auc", auc),
			estimate(m, "average_precision", macro+"average precision"), estimate(m, "kappa", "kappa"), quadratic,
			estimate(m, "f1", macro+"F1")))
	if two {
		predictive, negative := "", ""
		for _, c := range f.assessment.PerClass {
			switch {
			case c.Predicted == 0: // no answer, no value
			case c.Class == f.assessment.Positive:
				predictive = estimate(m, "precision_positive", "positive predictive value")
			default:
				negative = estimate(c.Measures, "precision", "negative predictive value")
			}
		}
		w.say([]string{inMeasures + ": measures, per_class, positive"}, "For %s, at a threshold of 0.5: %s. %s",
			f.assessment.Positive, join(estimate(m, "recall_positive", "sensitivity"),
				estimate(m, "specificity_positive", "specificity"), predictive, negative), frequencies)
	}
	f.sayPoints(w)
	f.sayUnits(w)
}

// byClass tells of each of several classes. Of two, results tells all.
func (f *folder) byClass(w *writer) {
	if len(f.assessment.PerClass) == 2 {
		w.notApplicable = true
		return
	}
	in := []string{inMeasures + ": per_class"}
	w.say(in, "Each class against the rest, %s:", rule)
	var parts []string
	for _, c := range f.assessment.PerClass {
		auc := ""
		if c.DeLong.AUC == c.DeLong.AUC {
			auc = fmt.Sprintf("AUC %.3f (%.3f to %.3f)", c.DeLong.AUC, c.DeLong.Low, c.DeLong.High)
		}
		sensitivity, predictive := "", "no answer of this class"
		if c.Support > 0 {
			sensitivity = estimate(c.Measures, "recall", "sensitivity")
		}
		if c.Predicted > 0 {
			predictive = estimate(c.Measures, "precision", "positive predictive value")
		}
		parts = append(parts, fmt.Sprintf("%s (%s): %s", c.Class, count(c.Support, "image"),
			join(sensitivity, estimate(c.Measures, "specificity", "specificity"), predictive, auc)))
	}
	w.say(in, "%s. %s", strings.Join(parts, "; "), frequencies)
}

func (f *folder) calibration(w *writer) {
	m := f.assessment.Measures
	w.say([]string{inMeasures + ": measures"}, "%s.", join(estimate(m, "ece", "Expected calibration error"),
		estimate(m, "brier", "Brier score"), estimate(m, "val_loss", "log loss")))
	if chance := f.assessment.ECEIfCalibrated; chance == chance {
		w.say([]string{inMeasures + ": ece_if_calibrated"}, "By chance, a calibrated model would have a calibration error "+
			"of about %.3f on these images.", chance)
	}
}

// mostClasses is the largest number of classes whose cross-tabulation is told in words.
const mostClasses = 8

// crossTable tells the confusion matrix.
func (f *folder) crossTable(w *writer) {
	classes := f.tested.Classes
	if len(classes) > mostClasses {
		w.say([]string{runfiles.ConfusionMatrix("test"), inPredictions}, "The matrix of %d classes is in %s.",
			len(classes), runfiles.ConfusionMatrix("test"))
		return
	}
	var rows []string
	for i, row := range evaluation.ConfusionMatrix(f.tested) {
		var parts []string
		for j, n := range row {
			parts = append(parts, fmt.Sprintf("%s %d", classes[j], n))
		}
		rows = append(rows, fmt.Sprintf("%s: %s", classes[i], strings.Join(parts, ", ")))
	}
	w.say([]string{inPredictions}, "True class: answers, %s. %s.", rule, strings.Join(rows, "; "))
}

// failures tells what is confused most often.
func (f *folder) failures(w *writer) {
	type cell struct{ n, actual, said int }
	var errors []cell
	total := 0
	for i, row := range evaluation.ConfusionMatrix(f.tested) {
		for j, n := range row {
			if i != j && n > 0 {
				errors, total = append(errors, cell{n, i, j}), total+n
			}
		}
	}
	w.say([]string{inPredictions}, "%d of %s are answered wrongly.", total, count(len(f.tested.Rows), "test image"))
	slices.SortStableFunc(errors, func(a, b cell) int { return b.n - a.n })
	var most []string
	for _, e := range errors[:min(3, len(errors))] {
		most = append(most, fmt.Sprintf("%s as %s (%d)", f.tested.Classes[e.actual], f.tested.Classes[e.said], e.n))
	}
	if most != nil {
		w.say([]string{inPredictions}, "Most often: %s.", strings.Join(most, ", "))
		w.say([]string{runfiles.Report}, "%s shows the wrong answers with the largest probability.", runfiles.Report)
	}
}
