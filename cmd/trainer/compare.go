package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"fovea/evaluation"
)

func runCompare(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("compare")
	var o evaluation.Intervals
	addIntervals(fs, &o)
	asJSON := fs.Bool("json", false, "write JSON")
	asCSV := fs.Bool("csv", false, "write CSV")
	operands, err := parseOperands(fs, args)
	if err != nil {
		return err
	}
	if len(operands) < 2 {
		return &usageError{fs.Name(), fmt.Errorf("expected at least two results to compare, found %q", operands)}
	}
	if *asJSON && *asCSV {
		return &usageError{fs.Name(), errors.New("-json and -csv are two formats: choose one")}
	}
	if err := checkIntervals(fs, o); err != nil {
		return err
	}
	contenders := make([]evaluation.Contender, len(operands))
	for i, path := range operands {
		if contenders[i], err = readContender(path); err != nil {
			return err
		}
	}
	c, err := evaluation.NewContest(ctx, contenders, o)
	switch {
	case err != nil:
		return err
	case *asJSON:
		return c.WriteJSON(a.stdout)
	case *asCSV:
		return c.WriteCSV(a.stdout)
	}
	return c.WriteText(a.stdout)
}

// readContender reads a run folder, a table of predictions or a row of metrics.
func readContender(path string) (evaluation.Contender, error) {
	c := evaluation.Contender{Name: path}
	file, err := resultFile(path)
	if err != nil {
		return c, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	switch evaluation.KindOfTable(content) {
	case evaluation.MetricTable:
		c.Published, err = evaluation.ReadMetricRow(bytes.NewReader(content))
	case evaluation.PredictionTable:
		c.Predictions, err = evaluation.ReadTable(bytes.NewReader(content), evaluation.TableOptions{})
	default:
		err = errors.New("the first line names the columns neither of predictions (path, label and one a class) " +
			"nor of metrics (such as accuracy, f1, roc_auc or kappa), separated by commas")
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// resultFile is path, or the file that counts in it if it is a folder.
func resultFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, nil // reading it reports what is wrong
	}
	names := []string{"predictions_test.csv", "metrics_test.csv"}
	for _, name := range names {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file, nil
		}
	}
	return "", fmt.Errorf("the folder %s holds neither %s nor %s: name the folder of a run, or the file itself", path, names[0], names[1])
}
