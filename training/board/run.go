package board

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/internal/lock"
	"fovea/internal/regular"
	"fovea/internal/runfiles"
	"fovea/onnx/engine"
	"fovea/training/config"
)

// A Run holds what a run folder tells so far.
type Run struct {
	Name    string
	Folder  string
	Config  *config.Config // nil: it cannot be read, or this is a table of predictions
	Status  report.Status
	History []Epoch
	Test    report.Measures // without an assessment before the end
	Images  string          // digest of the test images; "": not known
	Took    time.Duration   // up to Saved
	Saved   time.Time       // when the last checkpoint was written; zero: there is none
	Host    engine.Host
	Fact    string // processor or GPU; "": not known
	Problem string // why something is missing; ""

	epochs int // that Took covers
}

// An Epoch holds the results of one epoch.
type Epoch struct {
	TrainRate float64 `json:"train_lr"`
	TrainLoss float64 `json:"train_loss"`
	Val       evaluation.Metrics
}

// Read reads the folder of a run. What cannot be read is missing, and Problem says why.
func Read(dir string) *Run {
	r := &Run{Name: filepath.Base(dir), Folder: dir}
	var problems []error
	note := func(err error) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	var err error
	r.Config, err = config.Read(filepath.Join(dir, runfiles.Config), nil, nil)
	note(err)
	note(r.readState(filepath.Join(dir, runfiles.LastCheckpoint, runfiles.CheckpointState)))
	note(r.readHistory())
	if r.Status = status(dir); r.Status == report.Finished {
		r.Test, err = report.ReadMeasures(filepath.Join(dir, runfiles.Measures("test")))
		note(err)
	}
	if err := errors.Join(problems...); err != nil {
		r.Problem = strings.Join(strings.Fields(fmt.Sprintf("%.300s", err.Error())), " ")
	}
	return r
}

// status returns whether a run has ended, by the files in and beside its folder.
func status(dir string) report.Status {
	if _, err := os.Stat(filepath.Join(dir, runfiles.Metrics("test"))); err == nil {
		return report.Finished
	}
	if lock.Held(filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock")) {
		return report.Running
	}
	return report.Stopped
}

func (r *Run) readState(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	var file struct {
		State struct {
			Epoch   int               `json:"epoch"`
			Seconds float64           `json:"seconds"`
			Images  map[string]string `json:"images"`
			Host    engine.Host       `json:"host"`
			Facts   []report.Fact     `json:"facts"`
		} `json:"state"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s := file.State
	r.Took, r.Saved = time.Duration(s.Seconds*float64(time.Second)), info.ModTime()
	r.Host, r.epochs, r.Images = s.Host, s.Epoch, s.Images["test"]
	for _, f := range s.Facts {
		if f.Name == "Processor" || f.Name == "GPU" {
			r.Fact = f.Value // a GPU comes last
		}
	}
	return nil
}

// readHistory reads log.txt and metrics_val.csv, which are written one after the other: it reads the epochs that both
// have.
func (r *Run) readHistory() error {
	path := filepath.Join(r.Folder, runfiles.Log)
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for in := json.NewDecoder(f); ; {
		var e Epoch
		if err := in.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		r.History = append(r.History, e)
	}
	path = filepath.Join(r.Folder, runfiles.Metrics("val"))
	table, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer table.Close()
	rows, err := evaluation.ReadMetrics(table)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r.History = r.History[:min(len(r.History), len(rows))]
	for i := range r.History {
		r.History[i].Val = rows[i]
	}
	return nil
}

// Device says on what the run computes, such as "cpu, fp32, 2 threads"; "" if that is not known.
func (r *Run) Device() string {
	if r.Host.Provider == "" {
		return ""
	}
	out := r.Host.Provider + ", " + r.Host.Precision
	if r.Host.Provider == "cpu" {
		out += fmt.Sprintf(", %d threads", r.Host.Threads)
	}
	if r.Fact != "" {
		out += ", " + r.Fact
	}
	return out
}

// Left returns how long the epochs of a run in progress still take, as long as those before; 0 if that is not known.
func (r *Run) Left(now time.Time) time.Duration {
	if r.Status != report.Running || r.Config == nil || r.epochs == 0 {
		return 0
	}
	all := r.Took / time.Duration(r.epochs) * time.Duration(r.Config.Schedule.Epochs-r.epochs)
	return max(all-now.Sub(r.Saved), time.Second)
}

// Folders returns the folders of all runs below dir, in order. It does not look into a run.
func Folders(dir string) (found []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == dir:
			return err
		case err != nil: // a folder that has vanished, or that others own
			return nil
		case !d.IsDir():
			return nil
		case path != dir && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, runfiles.Config)); err == nil {
			found = append(found, path)
			return filepath.SkipDir
		}
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("no folder in %.300q holds a run: name the output.dir of your configs, such as runs", dir)
	}
	slices.Sort(found)
	return found, err
}
