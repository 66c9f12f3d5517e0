package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fovea/evaluation"
	"fovea/internal/regular"
	"fovea/internal/runfiles"
)

func compareCommand(a *app) *command {
	o := defaultIntervals()
	var asJSON, asCSV bool
	var meaning meaningFlags
	return &command{
		name:      "compare",
		writesCSV: true,
		summary:   "compare results on the same images, with intervals and tests",
		synopsis:  []string{"trainer compare A B ... [flags]"},
		text: `
Shows results side by side: each measure with its interval, and the best result marked. Each result is tested against
the first, A:

  accuracy      McNemar's test, exact and as chi-square with continuity
                correction
  AUC           DeLong's test for each class
  all measures  interval of the difference, by a bootstrap that draws the same
                images for both

The p values of DeLong's test and of McNemar's exact test are also given with Holm's correction for their number. The
intervals are not corrected.

A, B and so on are run folders, or tables of predictions as "trainer eval -predictions" takes them. All must have the
same images, matched by path, with the same labels and classes, matched by name. A published row of metrics, as in
configs/archive, is shown without interval and test. Which class of two is positive, and whether classes are grades, is
that of A.
`,
		flags: append(append(intervalFlags(&o), meaning.flags()...),
			flagEntry{&asJSON, "json", "", "write JSON to standard output"},
			flagEntry{&asCSV, "csv", "", "write CSV to standard output, one line for each number"}),
		examples: `
trainer compare runs/octid runs/octid-seed1
trainer compare runs/octid theirs.csv configs/archive/paddle/OCTID
`,
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			if len(operands) < 2 {
				return badUsage("expected at least two results to compare, found %q", operands)
			}
			if asJSON && asCSV {
				return badUsage("-json and -csv are two formats: choose one")
			}
			if err := checkIntervals(o); err != nil {
				return err
			}
			said, err := meaning.said()
			if err != nil {
				return err
			}
			contenders := make([]evaluation.Contender, len(operands))
			for i, path := range operands {
				var err error
				if contenders[i], err = readContender(path, said); err != nil {
					return err
				}
			}
			c, err := evaluation.NewContest(ctx, contenders, o)
			switch {
			case err != nil:
				return err
			case asJSON:
				return c.WriteJSON(a.stdout)
			case asCSV:
				return c.WriteCSV(a.csv)
			}
			return c.WriteText(a.text)
		},
	}
}

// readContender reads a run folder, a table of predictions or a row of metrics.
func readContender(path string, said evaluation.Said) (evaluation.Contender, error) {
	c := evaluation.Contender{Name: path}
	file, err := resultFile(path)
	if err != nil {
		return c, err
	}
	f, err := regular.Open(file)
	if err != nil {
		return c, err
	}
	defer f.Close()
	kind, err := evaluation.KindOfTable(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	switch {
	case err != nil:
	case kind == evaluation.MetricTable:
		c.Published, err = evaluation.ReadMetricRow(f)
	case kind == evaluation.PredictionTable:
		c.Predictions, err = evaluation.ReadTable(f, evaluation.TableOptions{})
		if err == nil {
			var m evaluation.Meaning
			if m, err = c.Predictions.Interpret(file, said); err == nil {
				logMeaning(file, m)
			}
		}
	default:
		err = errors.New("the first line names the columns neither of predictions (path, label and one a class) " +
			"nor of metrics (such as accuracy, f1, roc_auc or kappa)")
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// resultFile returns path, or the file with the result if path is a folder.
func resultFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, nil // reading it reports what is wrong
	}
	names := []string{runfiles.Predictions("test"), runfiles.Metrics("test")}
	for _, name := range names {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file, nil
		}
	}
	return "", fmt.Errorf("the folder %s holds neither %s nor %s: name the folder of a run, or the file itself",
		path, names[0], names[1])
}
