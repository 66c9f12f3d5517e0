package export

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"fovea/data"
	"fovea/evaluation"
	"fovea/inference"
	"fovea/training"
	"fovea/training/config"
)

// A runFolder is what is beside the model of a run.
type runFolder struct {
	config *config.Config
	test   *evaluation.Assessment // nil: not tested
}

// openRun reads the run folder that a model is in, nil if it is not a run's.
func openRun(model string, d *inference.Description) (*runFolder, error) {
	if d.Epoch == 0 {
		return nil, nil
	}
	dir := filepath.Dir(model)
	file := filepath.Join(dir, "config.toml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c, err := config.Read(file, nil, nil)
	if err != nil {
		slog.Warn("the config beside the model cannot be read: the model is taken for one without a run", "reason", err)
		return nil, nil
	}
	r := &runFolder{config: c}
	text, err := os.Open(filepath.Join(dir, "metrics_test.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	defer text.Close()
	if r.test, err = evaluation.ReadAssessment(text); err != nil {
		return nil, fmt.Errorf("%s: %w", text.Name(), err)
	}
	return r, nil
}

// openSplit lists the images that measure the variants, nil without data.
func (o *Options) openSplit(run *runFolder, d *inference.Description) (*data.Split, error) {
	if filepath.Base(o.Split) != o.Split {
		return nil, fmt.Errorf("split %q is not the name of a folder in the data", o.Split)
	}
	said := o.Data != ""
	if !said {
		if run == nil {
			return nil, nil
		}
		o.Data = run.config.Data.Dir
	}
	split, err := data.OpenSplit(filepath.Join(o.Data, o.Split))
	if errors.Is(err, fs.ErrNotExist) && !said {
		slog.Warn("the data of the run are not here: nothing is measured", "folder", filepath.Join(o.Data, o.Split),
			"remedy", "say where with -data")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return split, training.MatchClasses(split, d.Classes, o.Model)
}
