package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fovea/evaluation"
	"fovea/inference"
	"fovea/internal/durable"
	"fovea/internal/lock"
	"fovea/internal/regular"
	"fovea/internal/runfiles"
	"fovea/training/checkpoint"
)

// checkFolder refuses a run folder that holds something else. It reports whether there is a run in it and whether that
// is finished, which only -resume accepts.
func checkFolder(dir string, resume bool) (exists, finished bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, false, fmt.Errorf("run folder: %w", err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") { // temporary files of a killed run begin so
			names[e.Name()] = true
		}
	}
	finished = names[runfiles.Metrics("test")]
	switch {
	case len(names) == 0:
		return false, false, nil
	case !names[runfiles.Config]:
		err = fmt.Errorf("run folder %s holds something that is no run: choose another name or output.dir", dir)
	case finished && !resume:
		err = fmt.Errorf("run folder %s holds a finished run: choose another name or output.dir, or remove it", dir)
	case !resume:
		err = fmt.Errorf("run folder %s holds an unfinished run: add -resume to go on with it, "+
			"or choose another name or output.dir", dir)
	}
	return true, finished, err
}

// lockFolder keeps other processes from the run in a folder until unlock.
func lockFolder(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock"))
	if err != nil {
		return nil, err
	}
	free, err := lock.Try(f)
	if err == nil && !free {
		err = fmt.Errorf("another process is working on the run in %s", dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		os.Remove(f.Name())
		f.Close()
	}, nil
}

// removeTemporary removes what a killed process was writing in a run folder, which this process has locked.
func removeTemporary(dir string) {
	left, _ := fs.Glob(os.DirFS(dir), ".*.*") // the folder's own name is no pattern
	for _, name := range left {
		os.Remove(filepath.Join(dir, name))
	}
	durable.Clean(filepath.Join(dir, runfiles.Figures), "")
	for _, c := range []string{runfiles.LastCheckpoint, runfiles.BestCheckpoint} {
		checkpoint.RemoveTemporary(filepath.Join(dir, c)) // the next checkpoint reports what cannot be removed
	}
}

// A home is the run folder of a run under way. It is kept open, so that no other folder can be taken for it.
type home struct {
	path string
	open *os.File
}

// openHome makes a run folder if it is missing.
func openHome(dir string) (home, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return home{}, err
	}
	f, err := os.Open(dir)
	return home{dir, f}, err
}

// check returns an error if the folder is not there any more, or if another one has its name. What is written would
// make a folder that looks like a run. A process that does not write has no home to check.
func (h home) check() error {
	if h.open == nil {
		return nil
	}
	first, err := h.open.Stat()
	if err == nil {
		var now fs.FileInfo
		if now, err = os.Stat(h.path); err == nil && !os.SameFile(first, now) {
			err = errors.New("another folder has its name")
		}
	}
	if err != nil {
		return fmt.Errorf("the run folder %s has vanished during the run: %w: what it held is lost; put it back and add "+
			"-resume, or start the run again", h.path, err)
	}
	return nil
}

// writeHistory writes metrics_val.csv and log.txt, a line an epoch, into a run folder. parameters counts those that are
// trained.
func writeHistory(folder string, history []epoch, parameters int) error {
	var rows []evaluation.Metrics
	for _, e := range history {
		rows = append(rows, e.Val)
	}
	if err := writeMetrics(filepath.Join(folder, runfiles.Metrics("val")), rows); err != nil {
		return err
	}
	return durable.Write(filepath.Join(folder, runfiles.Log), func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for i, e := range history {
			err := lines.Encode(struct {
				TrainRate  float64 `json:"train_lr"`
				TrainLoss  float64 `json:"train_loss"`
				Epoch      int     `json:"epoch"`
				Parameters int     `json:"n_parameters"`      // that are trained
				Skipped    int     `json:"skipped,omitempty"` // optimizer steps
			}{e.TrainRate, e.TrainLoss, i, parameters, e.Skipped})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func writeMetrics(path string, rows []evaluation.Metrics) error {
	return durable.Write(path, func(w io.Writer) error { return evaluation.WriteMetrics(w, rows) })
}

// readResult reads what a finished run wrote.
func readResult(dir string) (test evaluation.Metrics, best int, err error) {
	path := filepath.Join(dir, runfiles.Metrics("test"))
	f, err := regular.Open(path)
	if err != nil {
		return evaluation.Metrics{}, 0, err
	}
	defer f.Close()
	rows, err := evaluation.ReadMetrics(f)
	if err != nil {
		return evaluation.Metrics{}, 0, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) != 1 {
		return evaluation.Metrics{}, 0, fmt.Errorf("%s has %d rows, not 1", path, len(rows))
	}
	d, err := inference.Describe(filepath.Join(dir, runfiles.Model), inference.Description{})
	if err != nil {
		return evaluation.Metrics{}, 0, err
	}
	return rows[0], d.Epoch - 1, nil
}
