package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/evaluation"
	"fovea/internal/runfiles"
	"fovea/onnx/engine"
	"fovea/onnx/weights"
	"fovea/training/checkpoint"
	"fovea/training/collective"
	"fovea/training/config"
	"fovea/training/learner"
)

// checkpoints writes those of a run under way.
type checkpoints struct {
	group     *collective.Group // whose first process writes
	folder    string            // of the run
	home      home              // the same
	learner   *learner.Learner
	selection func(evaluation.Metrics) float64
	setup     *setup
}

// start gives the learner the parameters that a run begins with. Where a checkpoint holds a part of them it returns the
// digest of the rest, else "".
func (c *checkpoints) start() (base string, err error) {
	return base, c.learner.Start(func(parameters []float32) error {
		err := c.setup.initialize(parameters)
		if err == nil && c.setup.trainsPart() {
			base = c.setup.baseDigest(parameters)
		}
		return err
	})
}

// restoreBase gives the learner the parameters that a checkpoint leaves out, and refuses others than the run began with.
func (c *checkpoints) restoreBase(s *state) error {
	base, err := c.start()
	if err == nil && base != s.Base {
		err = errors.New(otherBase)
	}
	return err
}

const otherBase = "the weights that are not trained are not those that the run was started with: put the file of " +
	"model.weights or model.onnx back, or choose another name"

// save writes checkpoints/last, and checkpoints/best if the run has just finished its best epoch. All processes call it,
// since each may hold a part of what is written.
func (c *checkpoints) save(s *state) error {
	s.countTime()
	s.Scaler = c.learner.Scaler()
	return c.use(false, s, func(parameters, optimizer []weights.Tensor) error {
		if err := c.home.check(); err != nil {
			return err
		}
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return checkpoint.Write(filepath.Join(c.folder, runfiles.LastCheckpoint), checkpoint.Checkpoint{
			Parameters: parameters, Optimizer: optimizer, State: text})
	})
}

// use lets the first process write or read what a checkpoint holds, and then keep the best. All have its error.
func (c *checkpoints) use(restore bool, s *state, do func(parameters, optimizer []weights.Tensor) error) error {
	var failed error
	err := c.learner.Checkpoint(restore, func(parameters, optimizer []weights.Tensor) error {
		if c.group.Rank() == 0 {
			failed = do(parameters, optimizer)
		}
		return nil // the others must not wait
	})
	if err != nil {
		return err
	}
	return c.group.First(func() error {
		if failed != nil {
			return failed
		}
		return c.keepBest(s)
	})
}

// keepBest makes checkpoints/best a copy of checkpoints/last if that is the end of the best epoch. It also repairs what
// a kill between the two left.
func (c *checkpoints) keepBest(s *state) error {
	if n := len(s.History); n == 0 || s.Batch != 0 || s.best(c.selection) != n-1 {
		return nil
	}
	return checkpoint.Copy(filepath.Join(c.folder, runfiles.LastCheckpoint),
		filepath.Join(c.folder, runfiles.BestCheckpoint))
}

// readCheckpoint reads checkpoints/last of a run folder with its state, and refuses one of other images. Without a
// checkpoint both are nil.
func readCheckpoint(folder string, p *plan) (*checkpoint.Checkpoint, *state, error) {
	dir := filepath.Join(folder, runfiles.LastCheckpoint)
	c, err := checkpoint.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		slog.Info("there is no checkpoint yet: the run starts from the beginning", "folder", folder)
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	s := &state{}
	err = json.Unmarshal(c.State, s)
	for split, digest := range p.data.digests() {
		if err == nil && s.Images[split] != digest {
			err = fmt.Errorf("the images of %s are not those that the run was started with: "+
				"put them back, or choose another name", split)
		}
	}
	if err == nil && s.Files == nil {
		slog.Warn("the checkpoint does not say what was in the images: the run goes on with what is in them now",
			"checkpoint", dir)
		s.Files = p.data.contents()
	} else if err == nil {
		err = p.data.checkContents(s.Files)
	}
	if err == nil && p.setup.model.Digest() != s.Model {
		err = errors.New("model.onnx is not the file that the run was started with: put it back, or choose another name")
	}
	if err != nil {
		c.Close()
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	return c, s, nil
}

// restore continues from a checkpoint, which only the process that writes has. It closes it: the next one takes its
// place, and some systems keep files that are open.
func (c *checkpoints) restore(from *checkpoint.Checkpoint, s *state, now engine.Host) error {
	if now != s.Host {
		slog.Warn("the run goes on under other conditions: its last digits will not be those of an uninterrupted one",
			"before", fmt.Sprintf("%+v", s.Host), "now", fmt.Sprintf("%+v", now))
		s.Host = now
	}
	if err := c.learner.RestoreScale(s.Scaler); err != nil {
		return err
	}
	if c.setup.trainsPart() {
		if err := c.group.First(func() error { return c.restoreBase(s) }); err != nil {
			return err
		}
	}
	return c.use(true, s, func(parameters, optimizer []weights.Tensor) error {
		defer from.Close()
		stored := map[string]weights.Tensor{}
		for _, t := range slices.Concat(from.Parameters, from.Optimizer) {
			stored[t.Name] = t
		}
		for _, want := range slices.Concat(parameters, optimizer) {
			have, ok := stored[want.Name]
			if !ok || have.Type != want.Type || !slices.Equal(have.Shape, want.Shape) {
				return fmt.Errorf("%s: there is no tensor %s of shape %v", filepath.Join(c.folder, runfiles.LastCheckpoint),
					want.Name, want.Shape)
			}
			copy(want.Data, have.Data)
		}
		return nil
	})
}

// trainingTime returns the duration of a finished run up to its last checkpoint, 0 where that has been removed or is
// damaged: the run is as good without it.
func trainingTime(folder string) time.Duration {
	c, err := checkpoint.Read(filepath.Join(folder, runfiles.LastCheckpoint))
	if err != nil {
		return 0
	}
	defer c.Close()
	var s state
	if err := json.Unmarshal(c.State, &s); err != nil {
		return 0
	}
	return s.duration()
}

// sameConfig refuses to continue the run in a folder under settings that would change it. Where the work is done may
// change, in how much memory, and the paths of files whose content an unfinished run compares.
func sameConfig(folder string, now *config.Config, finished bool) error {
	before, err := config.Read(filepath.Join(folder, runfiles.Config), nil, nil)
	if err != nil {
		return err
	}
	where := []string{"name", "data.dir", "data.workers", "data.max_pixels", "output.dir",
		"runtime.provider", "runtime.devices", "runtime.threads", "runtime.library", "runtime.bucket",
		"runtime.cuda_graph", "training.recompute"}
	if (now.Data.Cache == "") == (before.Data.Cache == "") { // that there is one decides which pixels are seen
		where = append(where, "data.cache")
	}
	if !finished && readsTable(now) && readsTable(before) {
		where = append(where, "data.labels")
	}
	if !finished && now.Model.ONNX != "" && before.Model.ONNX != "" {
		where = append(where, "model.onnx")
	}
	changes := now.Differences(before, where...)
	if changes != nil {
		return fmt.Errorf("the run in %s has other settings: %s; set them back, or choose another name",
			folder, strings.Join(changes, "; "))
	}
	return nil
}

// readsTable reports whether data.labels is the path of a table.
func readsTable(c *config.Config) bool {
	return c.Data.Labels != "" && c.Data.Labels != config.LabelsFromFolders
}

// withRecordedBatch returns cfg with the batch that a run was started with in the place of training.batch = "auto".
func withRecordedBatch(folder string, cfg *config.Config) (*config.Config, error) {
	if cfg.Training.Batch != config.Auto {
		return cfg, nil
	}
	before, err := config.Read(filepath.Join(folder, runfiles.Config), nil, nil)
	if err != nil {
		return nil, err
	}
	c := *cfg
	c.Training.Batch = before.Training.Batch
	return &c, nil
}
