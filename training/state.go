package training

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fovea/evaluation"
	"fovea/training/checkpoint"
	"fovea/training/config"
)

// state is all that a run needs beside its tensors to go on as if nothing had
// happened. It is the content of state.json.
type state struct {
	Epoch int   `json:"epoch"` // the current one, counted from 0
	Batch int   `json:"batch"` // batches of it that are done, a multiple of training.accumulate
	Step  int64 `json:"step"`  // optimizer steps done

	// Sums over the batches of the current epoch.
	LossSum float64 `json:"loss_sum"`
	RateSum float64 `json:"rate_sum"`

	History []epoch  `json:"history"`
	Classes []string `json:"classes"`
	Config  string   `json:"config"` // resolved, as TOML
}

// epoch is what a finished epoch leaves in the log.
type epoch struct {
	TrainRate float64            `json:"train_lr"`   // mean
	TrainLoss float64            `json:"train_loss"` // mean
	Val       evaluation.Metrics `json:"val"`
}

// best is the index of the epoch with the highest validation score, the
// earliest of equals; -1 without history.
func (s *state) best() int {
	best := -1
	for i, e := range s.History {
		if best < 0 || e.Val.Score > s.History[best].Val.Score {
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
	text, err := json.Marshal(r.state)
	if err != nil {
		return err
	}
	l, p := r.learner, r.plan
	err = checkpoint.Write(filepath.Join(r.folder, lastCheckpoint), checkpoint.Checkpoint{
		Parameters: p.tensors(l.parameters, ""),
		Optimizer:  append(p.tensors(l.moment1, ".exp_avg"), p.tensors(l.moment2, ".exp_avg_sq")...),
		State:      text,
	})
	if err != nil {
		return err
	}
	return r.keepBest()
}

// keepBest makes checkpoints/best a copy of checkpoints/last if that is the
// end of the best epoch. It also repairs what a kill between the two left.
func (r *run) keepBest() error {
	if r.state.Batch != 0 || r.state.best() != len(r.state.History)-1 {
		return nil
	}
	return checkpoint.Copy(filepath.Join(r.folder, lastCheckpoint), filepath.Join(r.folder, bestCheckpoint))
}

// restore continues from checkpoints/last.
func (r *run) restore() error {
	dir := filepath.Join(r.folder, lastCheckpoint)
	c, err := checkpoint.Read(dir)
	if err != nil {
		return err
	}
	defer c.Close()
	var s state
	if err := json.Unmarshal(c.State, &s); err != nil {
		return fmt.Errorf("%s: state.json: %w", dir, err)
	}
	if !slices.Equal(s.Classes, r.plan.classes) {
		return fmt.Errorf("%s was trained on classes %s, but %s has %s", dir, strings.Join(s.Classes, ", "),
			r.plan.train.Dir, strings.Join(r.plan.classes, ", "))
	}
	if err := sameConfig(dir, s.Config, r.plan.config); err != nil {
		return err
	}
	l, p := r.learner, r.plan
	stored := append(slices.Clone(c.Parameters), c.Optimizer...)
	for _, want := range slices.Concat(p.tensors(l.parameters, ""), p.tensors(l.moment1, ".exp_avg"),
		p.tensors(l.moment2, ".exp_avg_sq")) {
		found := false
		for _, have := range stored {
			if have.Name == want.Name && have.Type == want.Type && slices.Equal(have.Shape, want.Shape) {
				copy(want.Data, have.Data)
				found = true
				break
			}
		}
		if !found {
			return fmt.Errorf("%s has no tensor %s of shape %v", dir, want.Name, want.Shape)
		}
	}
	r.state = s
	return r.keepBest()
}

// sameConfig refuses to continue a run under settings that would change it.
// Where the work is done, and where it ends, may change.
func sameConfig(dir, stored string, now *config.Config) error {
	free := []string{"runtime.", "data.workers", "data.dir", "output.dir", "name", "training.max_steps"}
	isFree := func(key string) bool {
		return slices.ContainsFunc(free, func(f string) bool { return strings.HasPrefix(key, f) })
	}
	text, err := resolved(now)
	if err != nil {
		return err
	}
	before, after := flatten(stored), flatten(text)
	var changes []string
	for _, key := range after.keys {
		if !isFree(key) && before.values[key] != after.values[key] {
			changes = append(changes, fmt.Sprintf("%s was %s, is %s", key, before.values[key], after.values[key]))
		}
	}
	if changes != nil {
		return fmt.Errorf("%s belongs to a run with other settings: %s; set them back, or choose another name",
			dir, strings.Join(changes, "; "))
	}
	return nil
}

func resolved(c *config.Config) (string, error) {
	var b bytes.Buffer
	err := c.WriteTOML(&b)
	return b.String(), err
}

type settings struct {
	keys   []string
	values map[string]string
}

// flatten reads the plain TOML that config.WriteTOML writes: sections and
// key = value lines.
func flatten(toml string) settings {
	s, section := settings{values: map[string]string{}}, ""
	for line := range strings.Lines(toml) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]") + "."
		} else if key, value, ok := strings.Cut(line, " = "); ok {
			s.keys = append(s.keys, section+key)
			s.values[section+key] = value
		}
	}
	return s
}
