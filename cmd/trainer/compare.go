package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fovea/data"
	"fovea/evaluation"
	"fovea/internal/durable"
	"fovea/internal/regular"
	"fovea/internal/runfiles"
	"fovea/training/board"
)

func compareCommand(a *app) *command {
	o := defaultIntervals()
	var asJSON, asCSV, common bool
	out := ""
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

Of each pair one sentence says which is better, or that no difference is shown. -out writes a page with these sentences,
the settings in which runs differ, their curves over each other and the images on which they disagree. It then tests all
pairs.

The p values of DeLong's test and of McNemar's exact test are also given with Holm's correction for their number. The
intervals are not corrected.

A, B and so on are run folders, or tables of predictions as "trainer eval -predictions" takes them. All must have the
same images, matched by path, with the same labels and classes, matched by name; -common compares the images that all
have. A published row of metrics, as in
configs/archive, is shown without interval and test. Which class of two is positive, and whether classes are grades, is
that of A.
`,
		flags: append(append(intervalFlags(&o), meaning.flags()...),
			flagEntry{&out, "out", "FILE", "write a page, such as compare.html, with tests of all pairs"},
			flagEntry{&common, "common", "", "compare the images that all results have, and say how many are left out"},
			flagEntry{&asJSON, "json", "", "write JSON to standard output"},
			flagEntry{&asCSV, "csv", "", "write CSV to standard output, one line for each number"}),
		examples: `
trainer compare runs/octid runs/octid-seed1
trainer compare runs/octid runs/octid-seed1 runs/octid-seed2 -out compare.html
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
			var notes []string
			if common {
				if notes, err = keepCommon(contenders); err != nil {
					return err
				}
			}
			c, err := evaluation.NewContest(ctx, contenders, o, out != "")
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				err = c.WriteJSON(a.stdout)
			case asCSV:
				err = c.WriteCSV(a.csv)
			default:
				err = c.WriteText(a.text)
				for _, note := range notes {
					a.console.line(note)
				}
			}
			if err != nil || out == "" {
				return err
			}
			if err := writeComparison(out, operands, c, notes); err != nil {
				return err
			}
			slog.Info("page written", "file", out)
			return nil
		},
	}
}

// keepCommon leaves contenders the images that all have, and says what that leaves out.
func keepCommon(contenders []evaluation.Contender) (notes []string, err error) {
	for i, left := range evaluation.KeepCommon(contenders) {
		k := contenders[i]
		if k.Predictions == nil {
			continue
		}
		if len(k.Predictions.Rows) == 0 {
			return nil, errors.New("-common: no image is in all results: their paths must be the same")
		}
		if left > 0 {
			notes = append(notes, fmt.Sprintf("%d images that all results have are compared; %d others of %s are left out.",
				len(k.Predictions.Rows), left, k.Name))
		}
	}
	return notes, nil
}

// shorten names the contenders of a contest by the last part of their paths, if these differ.
func shorten(c *evaluation.Contest) {
	long := map[string]string{}
	for _, k := range c.Contenders {
		short := filepath.Base(k.Name)
		if other, taken := long[short]; taken && other != k.Name {
			return
		}
		long[short] = k.Name
	}
	for i := range c.Contenders {
		c.Contenders[i].Name = filepath.Base(c.Contenders[i].Name)
	}
	for i := range c.Pairs {
		c.Pairs[i].A, c.Pairs[i].B = filepath.Base(c.Pairs[i].A), filepath.Base(c.Pairs[i].B)
	}
}

// writeComparison writes the page of a contest between the results at paths.
func writeComparison(out string, paths []string, c *evaluation.Contest, notes []string) error {
	p := &board.Page{Title: "Comparison", Subject: fmt.Sprintf("%d results", len(paths)), Written: time.Now(), Contest: c,
		Notes: notes}
	shorten(c)
	var folders []string // of the images
	for i, path := range paths {
		k := c.Contenders[i]
		row := board.Row{Name: k.Name, Assessment: k.Assessment, Published: k.Published}
		if _, err := os.Stat(filepath.Join(path, runfiles.Config)); err == nil {
			if row.Run = board.Read(path); row.Run.Config != nil {
				folders = append(folders, row.Run.Config.Data.Dir)
			}
		} else if k.Predictions != nil {
			folders = append(folders, filepath.Dir(path), ".")
		}
		p.Rows = append(p.Rows, row)
	}
	var err error
	p.Disagreements, err = board.Disagree(c.Contenders, func(path string) (img image.Image, err error) {
		for _, dir := range folders {
			if img, err = (data.Reading{}).DecodeIn(dir)(path); err == nil {
				return img, nil
			}
		}
		return nil, errors.Join(err, errors.New("the image is in none of the folders"))
	})
	if err != nil {
		return err
	}
	return durable.Write(out, p.Write)
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
