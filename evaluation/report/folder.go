package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/evaluation/operating"
	"fovea/internal/durable"
	"fovea/internal/parallel"
	"fovea/internal/runfiles"
)

// WritePage writes report.html.
func (r *Report) WritePage(dir string) error {
	return durable.Write(filepath.Join(dir, runfiles.Report), func(w io.Writer) error { return Write(w, r) })
}

// WriteFigures writes each figure as PNG and as SVG to the folder figures, and removes the figures that an earlier
// report left there.
func (r *Report) WriteFigures(dir string) error {
	dir = filepath.Join(dir, runfiles.Figures)
	pictures, err := r.Pictures()
	if err != nil {
		return err
	}
	pictures = append(pictures, r.Sheets()...)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { // a folder that has vanished stays away
		return err
	}
	durable.Clean(dir, "")
	for _, name := range pictureNames {
		if !slices.ContainsFunc(pictures, func(p Picture) bool { return p.Name == name }) {
			os.Remove(filepath.Join(dir, name+".png"))
			os.Remove(filepath.Join(dir, name+".svg"))
		}
	}
	// Drawing and compressing take longer than all else that a report needs.
	errs := make([]error, len(pictures))
	parallel.Each(0, len(pictures), func(i int) {
		path, f := filepath.Join(dir, pictures[i].Name), pictures[i].Figure
		errs[i] = errors.Join(durable.Write(path+".png", f.WritePNG), durable.Write(path+".svg", f.WriteSVG))
	})
	return errors.Join(errs...)
}

// Measures is what metrics_SPLIT.json holds.
type Measures struct {
	*evaluation.Assessment
	Operating []*operating.Result `json:"operating_points,omitempty"`
}

// ReadMeasures reads what [Test.WriteTables] wrote.
func ReadMeasures(path string) (m Measures, err error) {
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &m)
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// WriteTables writes the files of a test that programs read: predictions, measures with intervals, the confusion matrix
// as a picture, and the metrics. The metrics come last, so that they show that the test is complete.
func (t *Test) WriteTables(dir string) error {
	benefit := filepath.Join(dir, runfiles.DecisionCurve(t.Split))
	if t.Benefit == nil {
		os.Remove(benefit) // of an earlier evaluation
	} else if err := durable.Write(benefit, t.Benefit.WriteCSV); err != nil {
		return err
	}
	picture, err := figures.Confusion(t.Predictions, t.title("Confusion matrix"))
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{runfiles.Predictions(t.Split), func(w io.Writer) error { return evaluation.WritePredictions(w, t.Predictions) }},
		{runfiles.ConfusionMatrix(t.Split), picture.WritePNG},
		{runfiles.Measures(t.Split), func(w io.Writer) error {
			return evaluation.WriteJSON(w, Measures{t.Assessment, t.Operating})
		}},
		{runfiles.Metrics(t.Split), func(w io.Writer) error {
			return evaluation.WriteMetrics(w, []evaluation.Metrics{t.Metrics})
		}},
	} {
		if err := durable.Write(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return nil
}

// WriteEvaluation adds a test to a report without a run and writes all of it. The page shows command as the way to
// repeat it. The folder must be there.
func (r *Report) WriteEvaluation(dir string, t *Test, command string) error {
	r.Test, r.Classes, r.Written = t, t.Predictions.Classes, time.Now()
	r.Commands = []Command{{"Evaluate again", command}}
	counts := make([]int, len(r.Classes))
	for i, k := range t.Assessment.PerClass {
		counts[i] = k.Support
	}
	r.Splits = []figures.Split{{Name: t.Split, Counts: counts}}
	for _, write := range []func(string) error{t.WriteTables, r.WriteFigures, r.WritePage} {
		if err := write(dir); err != nil {
			return err
		}
	}
	return nil
}

func (t *Test) title(what string) string { return what + ", " + t.Split + " split" }
