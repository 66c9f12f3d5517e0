package report

import (
	"cmp"
	"fmt"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/internal/naming"
)

// A verdict is the answer that a page begins with.
type verdict struct {
	Head     string   // one sentence
	Rest     []string // sentences that support it
	Cautions []string // conclusions that the data do not allow
}

// verdict returns the verdict of the test or, before a test, the progress of the run.
func (r *Report) verdict() verdict {
	var v verdict
	switch {
	case r.Test != nil:
		v = r.Test.verdict()
	case r.Run != nil:
		v = r.Run.verdict()
	}
	if p := r.Patients; p != nil && p.Shared == 0 && r.Test != nil {
		v.Rest = append(v.Rest, "No patient has images in more than one split.")
	}
	v.Cautions = append(v.Cautions, r.dataCautions()...)
	return v
}

func (r *Run) verdict() verdict {
	var v verdict
	switch n := len(r.History); {
	case r.Status == Running && n == 0:
		v.Head = "The run has begun; no epoch has ended yet."
	case r.Status == Running:
		v.Head = fmt.Sprintf("The run is in epoch %d of %d; nothing has been tested yet.", min(n+1, r.Epochs), r.Epochs)
	default:
		v.Head = fmt.Sprintf("The run stopped after %d of %d epochs; nothing has been tested.", n, r.Epochs)
	}
	if r.Best >= 0 {
		val := r.History[r.Best].Val
		v.Rest = append(v.Rest, fmt.Sprintf("Epoch %d is the best so far by %s. "+
			"On the validation set its accuracy is %s, its AUC %.3f and its kappa %.3f.",
			r.Best+1, plainNames[r.Selection], percent(val.Accuracy), val.ROCAUC, val.Kappa))
		v.Cautions = append(v.Cautions, "These figures come from the validation set, which also selects the epoch. "+
			"Expect lower ones on the test set.")
	}
	return v
}

// wide is the width of an interval of the accuracy that the verdict's first sentence has to speak of.
const wideInterval = 0.2

// fewImages are so few images that the figures of a class say little.
const fewImages = 30

func (t *Test) verdict() verdict {
	var v verdict
	n, classes := len(t.Predictions.Rows), t.classRows()
	interval := *measured(t.Assessment.Measures, "accuracy").Interval // there are images
	v.Head = fmt.Sprintf("%s of %s are classified correctly (%s).", percent(t.Metrics.Accuracy), t.imagesInWords(n),
		t.intervalInWords(interval))
	if interval.High-interval.Low >= wideInterval {
		v.Head = fmt.Sprintf("%s of %s are classified correctly, but there are too few %s to rely on this (%s).",
			percent(t.Metrics.Accuracy), t.imagesInWords(n), t.Assessment.Unit.Several(), t.intervalInWords(interval))
	}

	if a := t.Assessment; a.Pool != "" {
		v.Rest = append(v.Rest, fmt.Sprintf("Results are of %s: the probabilities are the %s of those of their images. "+
			"Where this page says image, it means one %s.", a.Unit.Several(), a.Pool.Words(), &a.Unit))
	}
	if a := t.Assessment; a.Clustered() {
		v.Rest = append(v.Rest, fmt.Sprintf("They are of %d patients. The %s of one patient depend on each other, "+
			"so all intervals are by patient.", a.Patients, a.Unit.Several()))
	}
	mostFrequent, present, said := classes[0], 0, 0
	for _, k := range classes {
		if k.Support > mostFrequent.Support {
			mostFrequent = k
		}
		if k.Support > 0 {
			present++
		}
		if k.Predicted > 0 {
			said++
		}
	}
	if present == 1 {
		v.Rest = append(v.Rest, fmt.Sprintf("All %s are of the class %s. "+
			"Whether the model tells classes apart was not tested. There is no AUC and no kappa.",
			t.Assessment.Unit.Several(), quoted(mostFrequent.Class)))
	} else {
		v.Rest = append(v.Rest, t.againstMostFrequent(mostFrequent, interval))
		if said == 1 {
			v.Rest = append(v.Rest, "The model gives the same answer for every "+t.one()+".")
		}
		if len(classes) == 2 || len(t.Operating) > 0 {
			v.Rest = append(v.Rest, t.sensitivityAndSpecificity())
		}
		v.Rest = append(v.Rest, t.agreement(len(classes), present))
	}
	v.Cautions = append(v.Cautions, fmt.Sprintf("With %s the accuracy is uncertain by about ±%.1f percentage points. "+
		"Smaller differences between models do not show.", t.count(n), 50*(interval.High-interval.Low)))
	if t.Meaning.Unknown != "" {
		v.Cautions = append(v.Cautions, t.Meaning.Unknown)
	}
	return t.classCautions(v, classes)
}

// againstMostFrequent returns the comparison with always answering the most frequent class. interval is the interval of
// the accuracy.
func (t *Test) againstMostFrequent(mostFrequent classRow, interval figures.Interval) string {
	base := float64(mostFrequent.Support) / float64(len(t.Predictions.Rows))
	text := fmt.Sprintf("Always answering with the most frequent class, %s, would be right for %s of the %s",
		quoted(mostFrequent.Class), percent(base), t.Assessment.Unit.Several())
	switch {
	case interval.Low > base:
		return text + fmt.Sprintf(". The model is better by %.1f percentage points, more than chance explains.",
			100*(t.Metrics.Accuracy-base))
	case interval.High < base:
		return text + ". By accuracy the model is worse than that."
	}
	return text + ". That lies within the interval, so the accuracy of the model is not shown to be better."
}

// sensitivityAndSpecificity returns both in words with the threshold or the rule that they belong to: those of the first
// operating point or, of two classes without one, of the most probable class.
func (t *Test) sensitivityAndSpecificity() string {
	rate := func(name string, m evaluation.Estimate, hits, n int, class, is string) string {
		if n == 0 {
			return fmt.Sprintf("%s is not defined: there is no %s of %s.", name, t.one(), class)
		}
		return fmt.Sprintf("%s %s: %d of %s of %s %s (%s).", name, percent(float64(m.Value)), hits,
			t.count(n), class, is, t.intervalInWords(*interval(m.Low, m.High)))
	}
	both := func(sensitivity, specificity evaluation.Estimate, counts [4]int, positive, negative string) string {
		return rate("Sensitivity", sensitivity, counts[0], counts[0]+counts[1], positive, "were found") + " " +
			rate("Specificity", specificity, counts[2], counts[2]+counts[3], negative, "were correctly ruled out")
	}
	if len(t.Operating) > 0 {
		r := t.Operating[0]
		reached, below := r.Decision()
		find := func(name string) evaluation.Estimate { m, _ := evaluation.Find(r.Measures, name); return m }
		return fmt.Sprintf("Positive is %s, if its probability is at least %.4g. This threshold was chosen on the split %s "+
			"(%s). ", quoted(reached), r.Threshold, r.ChosenOn, r.Rule) +
			both(find("sensitivity"), find("specificity"), [4]int{int(r.TruePositives), int(r.FalseNegatives),
				int(r.TrueNegatives), int(r.FalsePositives)}, quoted(reached), quoted(below))
	}
	positive, negative := t.Assessment.PerClass[1], t.Assessment.PerClass[0]
	counts := evaluation.ConfusionMatrix(t.Predictions)
	sensitivity, _ := evaluation.Find(positive.Measures, "recall")
	specificity, _ := evaluation.Find(negative.Measures, "recall")
	return fmt.Sprintf("Positive is %s, where each image is taken for its most probable class (%s). ", quoted(positive.Class),
		evaluation.Argmax) + both(sensitivity, specificity, [4]int{counts[1][1], counts[1][0], counts[0][0], counts[0][1]},
		quoted(positive.Class), quoted(negative.Class))
}

// agreement returns AUC and kappa in words: they do not depend on how frequent the classes are.
func (t *Test) agreement(classes, present int) string {
	name := "The macro AUC"
	if classes == 2 {
		name = "The AUC"
	} else if present < classes {
		name = fmt.Sprintf("The mean AUC of the %d classes that have images", present)
	}
	auc := measured(t.Assessment.Measures, "roc_auc")
	text := fmt.Sprintf("%s is %.3f%s; guessing has 0.5, a perfect model 1.", name, auc.Value, bracket(auc.Interval))
	if x := auc.Interval; x != nil && x.Low <= 0.5 && 0.5 <= x.High {
		text += " By its AUC the model is not shown to be better than guessing."
	}
	kappa := measured(t.Assessment.Measures, "kappa")
	text += fmt.Sprintf(" Kappa, the agreement beyond chance, is %.3f%s.", kappa.Value, bracket(kappa.Interval))
	if t.Assessment.Ordered {
		quadratic := measured(t.Assessment.Measures, "quadratic_kappa")
		text += fmt.Sprintf(" Quadratic kappa, by which a near miss counts less, is %.3f%s.", quadratic.Value,
			bracket(quadratic.Interval))
	}
	return text
}

// classCautions adds the cautions on single classes to a verdict.
func (t *Test) classCautions(v verdict, classes []classRow) verdict {
	var absent, never, scarce, missed []string
	for _, k := range classes {
		recall := k.Cells[0]
		switch {
		case k.Support == 0:
			absent = append(absent, quoted(k.Class))
		case k.Predicted == 0:
			never = append(never, quoted(k.Class))
		case recall.Value < 0.5:
			missed = append(missed, fmt.Sprintf("%s (%s found)", quoted(k.Class), percent(recall.Value)))
		}
		if 0 < k.Support && k.Support < fewImages {
			scarce = append(scarce, fmt.Sprintf("%s (%d)", quoted(k.Class), k.Support))
		}
	}
	one, many := t.one(), t.Assessment.Unit.Several()
	for _, c := range []struct {
		says  string
		names []string
	}{{fmt.Sprintf("There is no %s of %%s, so the report does not show how the model does on such %s.", one, many), absent},
		{fmt.Sprintf("The model never predicts %%s, although there are such %s.", many), never},
		{fmt.Sprintf("More than half of the %s of %%s are missed, where each %s is taken for its most probable class.",
			many, one), missed},
		{fmt.Sprintf("There are fewer than %d %s of %%s, so figures for them are uncertain.", fewImages, many), scarce}} {
		if c.names != nil {
			v.Cautions = append(v.Cautions, fmt.Sprintf(c.says, list(c.names)))
		}
	}
	v.Cautions = append(v.Cautions, "Precision depends on how frequent a class is among these images. "+
		"Where a class is rarer, more of the answers that name it are wrong.")
	return v
}

// dataCautions returns the cautions that do not depend on the result.
func (r *Report) dataCautions() []string {
	var out []string
	if leaks := r.Repeats.leaks(); len(leaks) > 0 {
		out = append(out, fmt.Sprintf("%s in more than one split. "+
			"The model may have been trained on test images, which makes the figures too good. See Data.",
			countOf(len(leaks), "image is", "images are")))
	}
	if wrong := r.Repeats.contradictions(); len(wrong) > 0 {
		out = append(out, fmt.Sprintf("%s filed under more than one class. See Data.",
			countOf(len(wrong), "image is", "images are")))
	}
	if r.Repeats == nil && len(r.Splits) > 1 {
		out = append(out, "The images were not compared with each other, so some may be in more than one split.")
	}
	switch p := r.Patients; {
	case r.Run == nil:
		out = append(out, "Fovea cannot see whether the model was trained on any of these images, or on others of the same "+
			"patients. If so, the figures are too good.")
	case p == nil:
		out = append(out, "Fovea cannot see whether a patient has images in more than one split. If so, the figures are too good.")
	default:
		if p.Shared > 0 {
			out = append(out, fmt.Sprintf("%s images in more than one split, which makes the figures too good.",
				countOf(p.Shared, "patient has", "patients have")))
		}
		if p.Unknown > 0 {
			out = append(out, fmt.Sprintf("The patient of %s is not known. If such a patient has images in more than one "+
				"split, the figures are too good.", countOf(p.Unknown, "image", "images")))
		}
	}
	return append(out,
		"Results on one dataset say nothing about other cameras, clinics and people. This is not a medical device.")
}

// intervalInWords returns the interval of a fraction in words.
func (t *Test) intervalInWords(x figures.Interval) string {
	return fmt.Sprintf("%s interval %s to %s", t.percentLevel(), percent(x.Low), percent(x.High))
}

func (t *Test) percentLevel() string { return fmt.Sprintf("%.4g %%", 100*t.Assessment.Level) }

// one returns what a row of the test is: an image, an eye or a patient.
func (t *Test) one() string { return cmp.Or(string(t.Assessment.Unit), "image") }

// count returns a number of such rows in words.
func (t *Test) count(n int) string { return countOf(n, t.one(), t.Assessment.Unit.Several()) }

// imagesInWords returns a number of images of the split in words.
func (t *Test) imagesInWords(n int) string {
	one, many := t.one(), t.Assessment.Unit.Several()
	if t.Split == "test" {
		return countOf(n, "test "+one, "test "+many)
	}
	return t.count(n) + " of the split " + quoted(t.Split)
}

// bracket returns an interval for running text. It is empty without an interval and for one without width: of a few
// images without an error the bootstrap would claim certainty.
func bracket(x *figures.Interval) string {
	if x == nil || x.Low == x.High {
		return ""
	}
	return fmt.Sprintf(" (%.3f to %.3f)", x.Low, x.High)
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

func quoted(s string) string { return "“" + naming.Visible(s) + "”" }

// list joins words, at most five of them.
func list(words []string) string {
	const most = 5
	if n := len(words); n > most {
		words = append(words[:most:most], fmt.Sprintf("%d more", n-most))
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
