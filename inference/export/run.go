package export

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"fovea/data"
	"fovea/evaluation"
	"fovea/graphs/vit"
	"fovea/inference"
	"fovea/internal/regular"
	"fovea/internal/runfiles"
	"fovea/internal/textfile"
)

// A runFolder holds what lies beside the model of a run.
type runFolder struct {
	config runConfig
	splits string                 // table of labels and splits, "" where folders say them
	test   *evaluation.Assessment // nil: not tested
}

// A runConfig holds the keys of a run's config.toml that an export reads.
type runConfig struct {
	Name string
	Seed int64
	Data struct{ Dir string }

	Model struct {
		Arch, Weights, ONNX        string
		Patch, Width, Depth, Heads int
	}
	Schedule struct{ Epochs int }
}

// dimensions returns those of the run's Vision Transformer.
func (c *runConfig) dimensions() vit.Dimensions {
	m := c.Model
	return vit.Architecture(m.Arch).With(vit.Dimensions{Patch: m.Patch, Width: m.Width, Depth: m.Depth, Heads: m.Heads})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openRun reads the run folder that a model is in, nil if it is not a run's.
func openRun(model string, d *inference.Description) (*runFolder, error) {
	if d.Epoch == 0 {
		return nil, nil
	}
	dir := filepath.Dir(model)
	file := filepath.Join(dir, runfiles.Config)
	settings, err := textfile.ReadTOML(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	r := &runFolder{}
	if table := filepath.Join(dir, runfiles.Splits); exists(table) {
		r.splits = table
	}
	if err == nil {
		err = toml.Unmarshal(settings, &r.config)
	}
	if err != nil {
		slog.Warn("the config beside the model cannot be read: the model is taken for one without a run", "reason", err)
		return nil, nil
	}
	measures, err := regular.Open(filepath.Join(dir, runfiles.Measures("test")))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	defer measures.Close()
	if r.test, err = evaluation.ReadAssessment(measures); err != nil {
		return nil, fmt.Errorf("%s: %w", measures.Name(), err)
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
	images := inference.Images{Dir: o.Data, Split: o.Split}
	if run != nil && !said {
		images.Labels = run.splits
	}
	split, err := images.Open(d, o.Model)
	if errors.Is(err, fs.ErrNotExist) && !said {
		slog.Warn("the data of the run are not here: nothing is measured", "folder", o.Data, "remedy", "say where with -data")
		return nil, nil
	}
	return split, err
}
