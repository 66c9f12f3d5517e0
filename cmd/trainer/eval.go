package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"fovea/data"
	"fovea/data/store"
	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/inference"
	"fovea/internal/durable"
	"fovea/internal/naming"
	"fovea/internal/regular"
)

func evalCommand(a *app) *command {
	o := inference.EvalOptions{Split: "test", Intervals: defaultIntervals(), Progress: a.console.update,
		Breakdown: evaluation.Breakdown{Per: evaluation.ByImage, Pool: evaluation.Mean}}
	m := classifierFlags{batch: 16}
	var predictions string
	var part shardFlag
	var meaning meaningFlags
	var table evaluation.TableOptions
	c := &command{
		name:      "eval",
		writesCSV: true,
		summary:   "evaluate a model on labelled images, or anybody's predictions",
		synopsis: []string{
			"trainer eval -model FILE -data DIR [-split NAME | -labels FILE] [flags]",
			"trainer eval -predictions FILE [-labels FILE] [flags]",
		},
		text: `
Evaluates a model on labelled images, or predictions that any program wrote. Prints all measures with their 95 %
intervals, each by one method: Wilson's for fractions of images, DeLong's for the AUC of a class and of two classes, a
bootstrap that draws from each class for all others. Writes

  report.html                 everything on one page: a verdict in words,
                              measures, figures, classes, the hardest errors
  figures/                    the figures of the page as PNG and SVG, with the
                              hardest errors and the surest right answers
  predictions_SPLIT.csv       path, label, prediction, a probability per class
  metrics_SPLIT.csv           13 metrics in full precision
  metrics_SPLIT.json          all measures and classes with their intervals
  decision_curve_SPLIT.csv    net benefit at each threshold, of two classes
  confusion_matrix_SPLIT.png

Another split in the same folder replaces the page and the figures, not the tables.

Images of one patient depend on each other. Where a table has a column patient, and patients have several images, all
intervals are by patient, and results by image, by eye and by patient stand beside each other. A column eye tells the
eyes.

Classes are matched by name. A class that the model does not know is an error. A class without images is reported.

Which class of two is the positive one, and whether classes are grades, is read off the model, or off the file beside a
table that this program wrote. Else it follows from the names, as of healthy and glaucoma. The log says what was found.
The thresholds that a run chose on its validation images are applied, with PPV, NPV and likelihood ratios.
`,
		flags: append([]flagEntry{
			{&o.Data, "data", "DIR", `with -model: folder that holds the split, in which each class has a folder, or
				its tar archives with labels (SPLIT/*.tar or SPLIT-*.tar), or one archive. With -predictions: folder that
				the paths are relative to; the page then shows the images of the hardest errors`},
			{&o.Labels, "labels", "FILE", `table with a row for each image (CSV, TSV, .xlsx or Parquet), instead of class folders or
				of the labels in the predictions. With -model the images are looked for below -data, and -split chooses rows
				where the table has a column of splits`},
			{&o.Columns, "columns", "LIST", `columns of the table that are not found by their names, such as
				image=Scan,label=Grade,patient=ID`},
			{&o.Split, "split", "NAME", "folder to evaluate; with -predictions only a name"},
			{&o.Out, "out", "DIR", `folder to write to; created if it does not exist (default: eval beside the model or the
				predictions)`},
			{&o.Breakdown.By, "by", "LIST", `subgroups by columns of the tables, such as sex,age:40:60:80,camera: their results
				with intervals, and the gaps between them. Numbers behind : are limits`},
			{&o.Breakdown.Per, "per", "UNIT", "what results are of: each image, eye or patient"},
			{&o.Breakdown.Pool, "pool", "HOW", `how the probabilities of an eye's or a patient's images become one: mean, max (of
				the positive class, or of the grades) or noisy_or`},
		}, append(meaning.flags(), intervalFlags(&o.Intervals)...)...),
		groups: []flagGroup{{"These flags are for a model:", append([]flagEntry{
			m.file(),
			skipFlag(&o.Skip),
			part.flag(),
			{&o.Prevalence, "prevalence", "P", `fraction of the people whom the model is for that have what is looked for: gives
				PPV and NPV at the operating points of the model (default: what its run was told)`},
			{&o.Resume, "resume", "", `continue an evaluation to the same folder that was stopped or killed, or that failed
				because of unreadable images; the result is the same to the bit`},
		}, m.running()...)}, m.description(), {`
These flags are for predictions. The table is CSV or .xlsx with a header and has the columns

  path    or image, file, filename
  label   or true, target, y_true: class names, or indices from 0
  CLASS   or prob_CLASS, p_CLASS, logit_CLASS: a number for each class

If there are columns with a prefix, those without one are not classes. Columns called patient, eye, site, camera, sex
and age, or as docs/metrics.md lists, tell about the images.
`, []flagEntry{
			{&predictions, "predictions", "FILE", "the table"},
			{&table.Logits, "logits", "", "the numbers are logits: apply softmax"},
			{&table.Normalise, "normalise", "", "divide each row by its sum; without this flag the sum must be 1"},
		}}},
		examples: `
trainer eval -model runs/octid/model.onnx -data OCTID
trainer eval -model convnext.onnx -classes normal,amd -crop 0.875 \
        -mean 0.485,0.456,0.406 -std 0.229,0.224,0.225 \
        -data images -labels labels.csv
trainer eval -predictions theirs.csv -labels truth.csv -logits
trainer eval -predictions theirs.csv -per patient -pool max
trainer eval -model runs/octid/model.onnx -data images -labels table.xlsx \
        -by sex,age:40:60:80
`,
	}
	c.run = func(ctx context.Context, _ []string) error {
		if err := checkIntervals(o.Intervals); err != nil {
			return err
		}
		if o.Prevalence < 0 || o.Prevalence >= 1 {
			return badUsage("-prevalence %v: must be at least 0 and below 1", o.Prevalence)
		}
		said, err := meaning.said()
		if err != nil {
			return err
		}
		o.Command, o.Version = report.Line(append([]string{"trainer"}, naming.PortableArguments(a.args)...)...), version()
		if predictions != "" {
			err := c.refuse("not with -predictions:", "model", "batch", "skip-unreadable", "set", "prevalence", "shard")
			if err != nil {
				return err
			}
			return a.evalPredictions(ctx, predictions, table, said, o)
		}
		if err := c.refuse("only with -predictions:", "logits", "normalise"); err != nil {
			return err
		}
		if err := c.require("model", "data", "split"); err != nil {
			return err
		}
		if o.Shard, err = part.read(a); err != nil {
			return err
		}
		return a.evalModel(ctx, &m, said, o)
	}
	return c
}

// evalModel evaluates the model that m describes.
func (a *app) evalModel(ctx context.Context, m *classifierFlags, said evaluation.Said, o inference.EvalOptions) error {
	var err error
	if o.Given, o.Runtime, err = m.read(a); err != nil {
		return err
	}
	o.Given.Positive, o.Given.Grades = said.Positive, said.Order
	if said.Ordered != "" {
		ordered := said.Ordered == "yes"
		o.Given.Ordered = &ordered
	}
	if o.Data, err = store.Locate(o.Data); err != nil {
		return err
	}
	o.Model, o.Batch = m.path, m.batch
	o.Out = cmp.Or(o.Out, filepath.Join(filepath.Dir(o.Model), "eval"))
	if !o.Shard.Whole() {
		path, n, err := inference.EvaluateShard(ctx, o)
		return a.printImages(n, path, err)
	}
	test, err := inference.Evaluate(ctx, o)
	if err != nil {
		return err
	}
	logMeaning(o.Model, test.Meaning)
	return a.printTest(fmt.Sprintf("%s on %s of %s", o.Model, o.Split, o.Data), test, o.Out)
}

// evalPredictions evaluates a table of predictions of any program.
func (a *app) evalPredictions(ctx context.Context, file string, table evaluation.TableOptions, said evaluation.Said,
	o inference.EvalOptions) error {
	if filepath.Base(o.Split) != o.Split {
		return badUsage("-split %s: must be a name for files, not a path", o.Split)
	}
	if table.Logits && table.Normalise {
		return badUsage("-normalise is for probabilities, -logits applies softmax: choose one")
	}
	o.Out = cmp.Or(o.Out, filepath.Join(filepath.Dir(file), "eval"))
	p, err := readPredictions(file, o.Labels, table)
	if err != nil {
		return err
	}
	meaning, err := p.Interpret(file, said)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	logMeaning(file, meaning)
	test, err := report.NewTest(ctx, o.Split, p, o.Intervals, o.Breakdown)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	test.Meaning = meaning
	for _, w := range test.Assessment.Warnings {
		slog.Warn(file + ": " + w)
	}
	page := &report.Report{Name: filepath.Base(file), Subject: "The predictions of " + naming.Portable(file), Facts: report.Facts(o.Version)}
	if o.Labels != "" {
		page.Subject += " with the labels of " + naming.Portable(o.Labels)
	}
	if o.Data != "" && test.Predictions.Unit == "" {
		test.Open = data.Reading{}.DecodeIn(o.Data)
	}
	if err := durable.MakeFolder(o.Out); err != nil {
		return err
	}
	if err := page.WriteEvaluation(o.Out, test, o.Command); err != nil {
		return err
	}
	return a.printTest(file, test, o.Out)
}

// readPredictions reads the table in file. The labels come from a table of their own unless labels is "".
func readPredictions(file, labels string, table evaluation.TableOptions) (*evaluation.Predictions, error) {
	f, err := regular.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if labels != "" {
		l, err := regular.Open(labels)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		table.Labels, file = l, file+" with "+labels
	}
	p, err := evaluation.ReadTable(f, table)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// printTest shows every measure with its interval.
func (a *app) printTest(name string, test *report.Test, out string) error {
	a.printf("%s: ", name)
	if err := test.Assessment.WriteText(a.text); err != nil {
		return err
	}
	for _, r := range test.Operating {
		if err := r.WriteText(a.text); err != nil {
			return err
		}
	}
	a.printf("written to: %s\n", out)
	return nil
}
