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

	"fovea/data"
	"fovea/evaluation"
	"fovea/onnx/weights"
	"fovea/training/checkpoint"
	"fovea/training/config"
	"fovea/training/optim"
)

// state is all that a run needs beside its tensors to go on as if nothing had
// happened. It is the content of state.json.
type state struct {
	Epoch int   `json:"epoch"` // the current one, counted from 0
	Batch int   `json:"batch"` // batches of it that are done, a multiple of training.accumulate
	Step  int64 `json:"step"`  // optimizer steps done

	Seconds float64 `json:"seconds"` // that all calls of Run took

	// Of the current epoch: steps that were skipped, and sums over the batches of
	// the others.
	Skipped int     `json:"skipped"`
	LossSum float64 `json:"loss_sum"`
	RateSum float64 `json:"rate_sum"`

	History []epoch           `json:"history"`
	Images  map[string]string `json:"images"`            // digest of each split's
	Model   string            `json:"model,omitempty"`   // digest of the files of model.onnx
	Repeats *[]data.Repeat    `json:"repeats,omitempty"` // images that are there twice; nil: not compared
	Scaler  *optim.LossScaler `json:"loss_scaler,omitempty"`
	Host    host              `json:"host"`
}

// host is what the last bits of a result depend on beside config and data.
type host struct {
	Runtime   string `json:"onnxruntime"` // version
	Provider  string `json:"provider"`
	Precision string `json:"precision"`
	Threads   int    `json:"threads"`
}

// epoch is what a finished epoch leaves in the log.
type epoch struct {
	TrainRate float64            `json:"train_lr"`          // mean
	TrainLoss float64            `json:"train_loss"`        // mean
	Skipped   int                `json:"skipped,omitempty"` // optimizer steps
	Val       evaluation.Metrics `json:"val"`
}

// best is the index of the epoch that evaluation.select chooses on validation,
// the earliest of equals; -1 without history.
func (r *run) best() int {
	best, by := -1, selection(r.plan.config)
	for i, e := range r.state.History {
		if best < 0 || by(e.Val) > by(r.state.History[best].Val) {
			best = i
		}
	}
	return best
}

// Folders of the checkpoints in a run folder.
const (
	lastCheckpoint = "checkpoints/last"
	bestCheckpoint = "checkpoints/best"
)

// save writes checkpoints/last, and checkpoints/best if the run has just
// finished its best epoch.
func (r *run) save() error {
	r.countTime()
	r.state.Scaler = r.learner.scaler
	text, err := json.Marshal(r.state)
	if err != nil {
		return err
	}
	err = r.learner.checkpoint(false, func(parameters, optimizer []weights.Tensor) error {
		return checkpoint.Write(filepath.Join(r.folder, lastCheckpoint), checkpoint.Checkpoint{
			Parameters: parameters, Optimizer: optimizer, State: text})
	})
	if err != nil {
		return err
	}
	return r.keepBest()
}

// countTime adds what has passed since the last call to the state.
func (r *run) countTime() {
	now := time.Now()
	r.state.Seconds += now.Sub(r.counted).Seconds()
	r.counted = now
}

// duration is what countTime has added up.
func (s *state) duration() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

// trainingTime is the duration of a finished run up to its last checkpoint, 0
// where that has been removed or is damaged: the run is as good without it.
func trainingTime(folder string) time.Duration {
	c, err := checkpoint.Read(filepath.Join(folder, lastCheckpoint))
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

// keepBest makes checkpoints/best a copy of checkpoints/last if that is the
// end of the best epoch. It also repairs what a kill between the two left.
func (r *run) keepBest() error {
	if n := len(r.state.History); n == 0 || r.state.Batch != 0 || r.best() != n-1 {
		return nil
	}
	return checkpoint.Copy(filepath.Join(r.folder, lastCheckpoint), filepath.Join(r.folder, bestCheckpoint))
}

// readCheckpoint reads the state of checkpoints/last and refuses one of other
// images. Without a checkpoint it returns nil.
func (r *run) readCheckpoint() (*checkpoint.Checkpoint, error) {
	dir := filepath.Join(r.folder, lastCheckpoint)
	c, err := checkpoint.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		slog.Info("there is no checkpoint yet: the run starts from the beginning", "folder", r.folder)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(c.State, &r.state)
	for split, digest := range r.plan.digests() {
		if err == nil && r.state.Images[split] != digest {
			err = fmt.Errorf("the images of %s are not those that the run was started with: "+
				"put them back, or choose another name", split)
		}
	}
	if err == nil && r.plan.network.digest() != r.state.Model {
		err = errors.New("model.onnx is not the file that the run was started with: put it back, or choose another name")
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return c, nil
}

// restore continues from a checkpoint, which it closes: the next one takes its
// place, and some systems keep files that are open.
func (r *run) restore(c *checkpoint.Checkpoint) error {
	defer c.Close()
	if now := r.engine.host(); now != r.state.Host {
		slog.Warn("the run goes on under other conditions: its last digits will not be those of an uninterrupted one",
			"before", fmt.Sprintf("%+v", r.state.Host), "now", fmt.Sprintf("%+v", now))
		r.state.Host = now
	}
	stored := map[string]weights.Tensor{}
	for _, t := range slices.Concat(c.Parameters, c.Optimizer) {
		stored[t.Name] = t
	}
	err := r.learner.checkpoint(true, func(parameters, optimizer []weights.Tensor) error {
		for _, want := range slices.Concat(parameters, optimizer) {
			have, ok := stored[want.Name]
			if !ok || have.Type != want.Type || !slices.Equal(have.Shape, want.Shape) {
				return fmt.Errorf("%s: there is no tensor %s of shape %v", filepath.Join(r.folder, lastCheckpoint),
					want.Name, want.Shape)
			}
			copy(want.Data, have.Data)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.learner.restoreScale(r.state.Scaler); err != nil {
		return err
	}
	return r.keepBest()
}

// sameConfig refuses to continue the run in a folder under settings that would
// change it. Where the work is done may change, in how much memory, and where
// files are whose content a run that is not finished compares.
func sameConfig(folder string, now *config.Config, finished bool) error {
	before, err := config.Read(filepath.Join(folder, configFile), nil, nil)
	if err != nil {
		return err
	}
	where := []string{"name", "data.dir", "data.workers", "output.dir",
		"runtime.provider", "runtime.threads", "runtime.library", "runtime.cuda_graph", "training.recompute"}
	if (now.Data.Cache == "") == (before.Data.Cache == "") { // that there is one decides which pixels are seen
		where = append(where, "data.cache")
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
