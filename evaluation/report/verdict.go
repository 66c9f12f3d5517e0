package report

import (
	"fmt"
	"math"
	"strings"

	"fovea/evaluation/figures"
)

// verdict is the answer that a page begins with.
type verdict struct {
	Head     string   // one sentence
	Rest     []string // what goes with it
	Cautions []string // what not to conclude
}

// verdict is that of the test, or how far the run is.
func (r *Report) verdict() verdict {
	var v verdict
	switch {
	case r.Test != nil:
		v = r.Test.verdict()
	case r.Run != nil:
		v = r.Run.verdict()
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
		v.Head = fmt.Sprintf("The run has stopped after %d of %d epochs; nothing has been tested.", n, r.Epochs)
	}
	if r.Best >= 0 {
		val := r.History[r.Best].Val
		v.Rest = append(v.Rest, fmt.Sprintf("Best so far on the validation images is epoch %d, by %s: accuracy %s, AUC %.3f, kappa %.3f.",
			r.Best+1, plainNames[r.Selection], percent(val.Accuracy), val.ROCAUC, val.Kappa))
		v.Cautions = append(v.Cautions, "These are validation figures, and the epoch is chosen by them: they look better than the test will.")
	}
	return v
}

// wide is the width of an interval of the accuracy that the verdict's first
// sentence has to speak of.
const wide = 0.2

// few are so few images that the figures of a class say little.
const few = 30

func (t *Test) verdict() verdict {
	var v verdict
	n, classes := len(t.Predictions.Rows), t.classRows()
	right := int(math.Round(t.Metrics.Accuracy * float64(n)))
	sure := t.share(right, n)
	v.Head = fmt.Sprintf("%s of %s are classified right (%s).", percent(t.Metrics.Accuracy), t.images(n), t.words(sure))
	if sure.High-sure.Low >= wide {
		v.Head = fmt.Sprintf("%s of %s are classified right, but so few say little: %s.", percent(t.Metrics.Accuracy), t.images(n), t.words(sure))
	}

	commonest, present, said := classes[0], 0, 0
	for _, k := range classes {
		if k.Support > commonest.Support {
			commonest = k
		}
		if k.Support > 0 {
			present++
		}
		if k.Predicted > 0 {
			said++
		}
	}
	if present == 1 {
		v.Rest = append(v.Rest, fmt.Sprintf("All images are of the class %s: whether the model tells classes apart has not been tested. "+
			"There is no AUC and no kappa.", quoted(commonest.Class)))
	} else {
		v.Rest = append(v.Rest, t.against(commonest, sure))
		if said == 1 {
			v.Rest = append(v.Rest, "The model says the same of every image.")
		}
		if len(classes) == 2 {
			v.Rest = append(v.Rest, t.found())
		}
		v.Rest = append(v.Rest, t.agreement(len(classes), present))
	}
	v.Cautions = append(v.Cautions, fmt.Sprintf("%s place the accuracy within about ±%.1f points: smaller differences between models are not shown by it.",
		countOf(n, "image", "images"), 50*(sure.High-sure.Low)))
	return t.classCautions(v, classes)
}

// against compares with always saying the commonest class.
func (t *Test) against(commonest classRow, sure figures.Interval) string {
	base := float64(commonest.Support) / float64(len(t.Predictions.Rows))
	text := fmt.Sprintf("Always saying the commonest class, %s, would be right for %s", quoted(commonest.Class), percent(base))
	switch {
	case sure.Low > base:
		return text + fmt.Sprintf("; the model is better by %.1f points, more than chance explains.", 100*(t.Metrics.Accuracy-base))
	case sure.High < base:
		return text + "; by this measure the model is worse than that."
	}
	return text + ", which lies within the interval: by this measure the model is not shown to be better than that."
}

// found says what a task of two classes is about.
func (t *Test) found() string {
	negative, positive := t.Assessment.PerClass[0], t.Assessment.PerClass[1]
	hits := int(math.Round(float64(positive.Support) * measured(positive.Measures, "recall").Value))
	passed := int(math.Round(float64(negative.Support) * measured(negative.Measures, "recall").Value))
	return fmt.Sprintf("Of %s of %s %d are found: a sensitivity of %s (%s). Of %d others %d are told to be so: a specificity of %s (%s).",
		countOf(positive.Support, "image", "images"), quoted(positive.Class), hits, percent(float64(hits)/float64(positive.Support)),
		t.words(t.share(hits, positive.Support)), negative.Support, passed, percent(float64(passed)/float64(negative.Support)),
		t.words(t.share(passed, negative.Support)))
}

// agreement is about what does not depend on how common classes are.
func (t *Test) agreement(classes, present int) string {
	name := "The macro AUC"
	if classes == 2 {
		name = "The AUC"
	} else if present < classes {
		name = fmt.Sprintf("The mean AUC of the %d classes that have images", present)
	}
	auc := measured(t.Assessment.Measures, "roc_auc")
	text := fmt.Sprintf("%s is %.3f%s, where 0.5 knows nothing and 1 is perfect", name, auc.Value, bracket(auc.Interval))
	if x := auc.Interval; x != nil && x.Low <= 0.5 && 0.5 <= x.High {
		text += ": it is not shown that the model knows anything"
	}
	kappa := measured(t.Assessment.Measures, "kappa")
	text += fmt.Sprintf(". Kappa, the agreement beyond chance, is %.3f%s", kappa.Value, bracket(kappa.Interval))
	if classes > 2 {
		quadratic := measured(t.Assessment.Measures, "quadratic_kappa")
		text += fmt.Sprintf("; quadratic kappa, if the classes are grades, %.3f%s", quadratic.Value, bracket(quadratic.Interval))
	}
	return text + "."
}

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
		if 0 < k.Support && k.Support < few {
			scarce = append(scarce, fmt.Sprintf("%s (%d)", quoted(k.Class), k.Support))
		}
	}
	for _, c := range []struct {
		says  string
		names []string
	}{{"There is no image of %s: nothing here says how the model does on such.", absent},
		{"Never predicted, though there are such images: %s.", never},
		{"More than half are missed of %s.", missed},
		{fmt.Sprintf("Fewer than %d images, so the figures of the class say little: %%s.", few), scarce}} {
		if c.names != nil {
			v.Cautions = append(v.Cautions, fmt.Sprintf(c.says, list(c.names)))
		}
	}
	v.Cautions = append(v.Cautions, "Precision depends on how common a class is among these images: where it is rarer, more of those called so are not.")
	return v
}

// dataCautions are those that hold whatever the result is.
func (r *Report) dataCautions() []string {
	var out []string
	if leaks := r.Repeats.leaks(); len(leaks) > 0 {
		out = append(out, fmt.Sprintf("%s in more than one split: what is tested was partly seen before, and the figures are too good. See Data.",
			countOf(len(leaks), "image is", "images are")))
	}
	if wrong := r.Repeats.contradictions(); len(wrong) > 0 {
		out = append(out, fmt.Sprintf("%s filed under more than one class. See Data.", countOf(len(wrong), "image is", "images are")))
	}
	if r.Repeats == nil && len(r.Splits) > 1 {
		out = append(out, "The images were not compared with each other: some may be in more than one split.")
	}
	unseen := "Whether one patient has images in more than one split cannot be seen here; if so, the figures are too good."
	if r.Run == nil {
		unseen = "Whether the model was trained on any of these images, or on others of the same patients, cannot be seen here; if so, the figures are too good."
	}
	return append(out, unseen,
		"Images of one dataset say nothing about other cameras, clinics and people. This is no medical device.")
}

// share is Wilson's interval of a share: it has a width even where none or all of
// a few images are right, which a bootstrap's has not.
func (t *Test) share(hits, n int) figures.Interval {
	return figures.Wilson(hits, n, t.Assessment.Level)
}

// words of an interval of a share.
func (t *Test) words(x figures.Interval) string {
	return fmt.Sprintf("%s interval %s to %s", t.percentLevel(), percent(x.Low), percent(x.High))
}

func (t *Test) percentLevel() string { return fmt.Sprintf("%.4g %%", 100*t.Assessment.Level) }

// images are n of the split.
func (t *Test) images(n int) string {
	if t.Split == "test" {
		return countOf(n, "test image", "test images")
	}
	return countOf(n, "image", "images") + " of the split " + quoted(t.Split)
}

// bracket is an interval for running text, empty where there is none, or none with
// a width: of a few images without an error the bootstrap makes certainty.
func bracket(x *figures.Interval) string {
	if x == nil || x.Low == x.High {
		return ""
	}
	return fmt.Sprintf(" (%.3f to %.3f)", x.Low, x.High)
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

func quoted(s string) string { return "“" + s + "”" }

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
