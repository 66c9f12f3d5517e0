package account

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fovea/data"
	"fovea/evaluation"
	"fovea/evaluation/checklist"
	"fovea/evaluation/figures"
	"fovea/evaluation/operating"
	"fovea/evaluation/report"
	"fovea/inference"
	"fovea/internal/runfiles"
	"fovea/internal/table"
	"fovea/training/checkpoint"
	"fovea/training/config"
)

// A folder holds the files of a run. What is not there is nil.
type folder struct {
	config     *config.Config
	state      *state
	parameters int // of the model; 0: not known
	model      *inference.Description
	images     *images // of data.labels
	leftOut    map[string]int
	assessment *evaluation.Assessment
	points     []*operating.Result // of the assessment
	benefit    bool                // there is a decision curve
	tested     *evaluation.Predictions
}

// A state is the part of a checkpoint's state that is told.
type state struct {
	Seconds  float64                 `json:"seconds"`
	History  []struct{ Skipped int } `json:"history"`
	Repeats  *[]data.Repeat          `json:"repeats"`
	Division string                  `json:"division"`
	Splits   []figures.Split         `json:"splits"`
	Facts    []report.Fact           `json:"facts"`
}

// Facts returns what the folder of a run tells on each topic. A run that has not ended has no results. Errors name the
// file that cannot be read.
func Facts(dir string) (map[checklist.Topic]checklist.Fact, error) {
	f, err := open(dir)
	if err != nil {
		return nil, err
	}
	facts := map[checklist.Topic]checklist.Fact{}
	for topic, tell := range topics {
		var w writer
		tell(f, &w)
		facts[topic] = w.fact()
	}
	return facts, nil
}

func open(dir string) (*folder, error) {
	f := &folder{}
	path := func(name string) string { return filepath.Join(dir, name) }
	if _, err := os.Stat(path(runfiles.Config)); err != nil {
		return nil, fmt.Errorf("%s holds no run: there is no %s: name the folder of a run, such as runs/octid", dir,
			runfiles.Config)
	}
	var err error
	if f.config, err = config.Read(path(runfiles.Config), nil, nil); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name string
		read func(path string) error
	}{
		{runfiles.LastCheckpoint, f.readCheckpoint},
		{runfiles.Model, func(path string) error {
			f.model, err = inference.Describe(path, inference.Description{})
			return err
		}},
		{runfiles.Splits, f.readSplits},
		{runfiles.LeftOut, f.readLeftOut},
		{runfiles.Measures("test"), f.readMeasures},
		{runfiles.DecisionCurve("test"), opened(func(io.Reader) error { f.benefit = true; return nil })},
		{runfiles.Predictions("test"), opened(func(in io.Reader) error {
			f.tested, err = evaluation.ReadTable(in, evaluation.TableOptions{})
			return err
		})},
	} {
		if err := part.read(path(part.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", path(part.name), err)
		}
	}
	return f, nil
}

func opened(read func(io.Reader) error) func(path string) error {
	return func(path string) error {
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		return read(in)
	}
}

func (f *folder) readCheckpoint(path string) error {
	c, err := checkpoint.Read(path)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, t := range c.Parameters {
		n := 1
		for _, d := range t.Shape {
			n *= int(d)
		}
		f.parameters += n
	}
	f.state = &state{}
	return json.Unmarshal(c.State, f.state)
}

func (f *folder) readMeasures(path string) error {
	m, err := report.ReadMeasures(path)
	f.assessment, f.points = m.Assessment, m.Operating
	return err
}

// images is the content of splits.csv.
type images struct {
	attributes []string // names of the columns between path and label
	rows       [][]string
}

func (x *images) label(row []string) string { return row[len(row)-2] }
func (x *images) split(row []string) string { return row[len(row)-1] }

// column returns the number of the column of an attribute, or -1.
func (x *images) column(attribute string) int {
	if x == nil {
		return -1
	}
	if i := slices.Index(x.attributes, attribute); i >= 0 {
		return i + 1
	}
	return -1
}

func (f *folder) readSplits(path string) error {
	rows, err := readCSV(path)
	if err != nil {
		return err
	}
	if len(rows) == 0 || len(rows[0]) < 3 {
		return errors.New("its first line does not name path, label and split")
	}
	f.images = &images{attributes: rows[0][1 : len(rows[0])-2], rows: rows[1:]}
	return nil
}

func (f *folder) readLeftOut(path string) error {
	rows, err := readCSV(path)
	if err != nil {
		return err
	}
	f.leftOut = map[string]int{}
	for _, r := range rows[min(1, len(rows)):] {
		f.leftOut[r[len(r)-1]]++
	}
	return nil
}

func readCSV(path string) (rows [][]string, err error) {
	return rows, opened(func(in io.Reader) error {
		rows, err = csv.NewReader(in).ReadAll()
		for _, r := range rows {
			for i, cell := range r {
				r[i] = table.Unescape(cell)
			}
		}
		return err
	})(path)
}

// used returns how many images of a split the run used, and of each class; nil if it is not known.
func (f *folder) used(split string) (n int, byClass []int) {
	if f.state == nil {
		return 0, nil
	}
	for _, s := range f.state.Splits {
		if s.Name == split {
			for _, c := range s.Counts {
				n += c
			}
			return n, s.Counts
		}
	}
	return 0, nil
}

func (f *folder) took() time.Duration {
	return time.Duration(f.state.Seconds * float64(time.Second)).Round(time.Second)
}
