package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	file := path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		for _, name := range []string{"predictions_test.csv", "metrics_test.csv"} {
			file = filepath.Join(path, name)
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	if isMetricRow(content) {
		c.Published, err = evaluation.ReadMetricRow(bytes.NewReader(content))
	} else {
		c.Predictions, err = evaluation.ReadTable(bytes.NewReader(content), evaluation.TableOptions{})
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// isMetricRow tells a table of metrics from one of predictions, which has
// neither accuracy nor kappa in its header.
func isMetricRow(content []byte) bool {
	header, _ := bufio.NewReader(bytes.NewReader(content)).ReadString('\n')
	for name := range strings.SplitSeq(header, ",") {
		switch strings.TrimSpace(name) {
		case "accuracy", "kappa", "f1", "roc_auc":
			return true
		}
	}
	return false
}
