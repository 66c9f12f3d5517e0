package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fovea/evaluation"
	"fovea/onnx"
)

// Files of a run folder.
const (
	configFile = "config.toml"
	logFile    = "log.txt"
	modelFile  = "model.onnx"
)

func metricsFile(split string) string     { return "metrics_" + split + ".csv" }
func predictionsFile(split string) string { return "predictions_" + split + ".csv" }
func confusionFile(split string) string   { return "confusion_matrix_" + split + ".png" }

// checkFolder refuses a run folder that holds something else. It tells whether
// the run in it is finished, which only -resume accepts.
func checkFolder(dir string, resume bool) (finished bool, err error) {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("run folder: %w", err)
	case len(entries) == 0:
		return false, nil
	case !has(configFile):
		return false, fmt.Errorf("run folder %s holds something that is no run: choose another name or output.dir", dir)
	case has(metricsFile("test")) && !resume:
		return true, fmt.Errorf("run folder %s holds a finished run: choose another name or output.dir, or remove it", dir)
	case !resume:
		return false, fmt.Errorf("run folder %s holds an unfinished run: add -resume to go on with it, "+
			"or choose another name or output.dir", dir)
	}
	return has(metricsFile("test")), nil
}

// writeHistory writes metrics_val.csv and log.txt, a line an epoch.
func (r *run) writeHistory() error {
	var rows []evaluation.Metrics
	for _, e := range r.state.History {
		rows = append(rows, e.Val)
	}
	if err := writeMetrics(filepath.Join(r.folder, metricsFile("val")), rows); err != nil {
		return err
	}
	parameters := 0
	for _, p := range r.plan.layout.Params {
		parameters += p.Size
	}
	return onnx.WriteFileAtomic(filepath.Join(r.folder, logFile), func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for i, e := range r.state.History {
			err := lines.Encode(struct {
				TrainRate  float64 `json:"train_lr"`
				TrainLoss  float64 `json:"train_loss"`
				Epoch      int     `json:"epoch"`
				Parameters int     `json:"n_parameters"`
			}{e.TrainRate, e.TrainLoss, i, parameters})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func writeMetrics(path string, rows []evaluation.Metrics) error {
	return onnx.WriteFileAtomic(path, func(w io.Writer) error { return evaluation.WriteMetrics(w, rows) })
}

// writeEvaluation writes predictions, confusion matrix and, last, metrics of a split.
func writeEvaluation(dir, split string, p *evaluation.Predictions, m evaluation.Metrics) error {
	err := onnx.WriteFileAtomic(filepath.Join(dir, predictionsFile(split)), func(w io.Writer) error {
		return evaluation.WritePredictions(w, p)
	})
	if err != nil {
		return err
	}
	err = onnx.WriteFileAtomic(filepath.Join(dir, confusionFile(split)), func(w io.Writer) error {
		return evaluation.ConfusionFigure(w, p, "Confusion matrix ("+split+")")
	})
	if err != nil {
		return err
	}
	return writeMetrics(filepath.Join(dir, metricsFile(split)), []evaluation.Metrics{m})
}

// readResult reads what a finished run wrote.
func readResult(dir string) (evaluation.Metrics, error) {
	path := filepath.Join(dir, metricsFile("test"))
	f, err := os.Open(path)
	if err != nil {
		return evaluation.Metrics{}, err
	}
	defer f.Close()
	rows, err := evaluation.ReadMetrics(f)
	if err != nil || len(rows) == 0 {
		return evaluation.Metrics{}, errors.Join(fmt.Errorf("%s has no metrics", path), err)
	}
	return rows[len(rows)-1], nil
}
