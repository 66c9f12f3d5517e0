package training

import (
	"time"

	"fovea/data"
	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/evaluation/report"
	"fovea/onnx/engine"
	"fovea/training/optim"
)

// A state holds all that a run needs beside its tensors to go on as if nothing had happened. It is written as
// state.json.
type state struct {
	Epoch int   `json:"epoch"` // the current one, counted from 0
	Batch int   `json:"batch"` // batches of it that are done, a multiple of training.accumulate
	Step  int64 `json:"step"`  // optimizer steps done

	Seconds float64 `json:"seconds"` // that all calls of Run took

	// Of the current epoch: steps that were skipped, and sums over the batches of the others.
	Skipped int     `json:"skipped"`
	LossSum float64 `json:"loss_sum"`
	RateSum float64 `json:"rate_sum"`

	History []epoch           `json:"history"`
	Images  map[string]string `json:"images"`            // digest of the paths and classes of each split
	Files   map[string][]byte `json:"files,omitempty"`   // dataset.contents; nil: not known
	Model   string            `json:"model,omitempty"`   // digest of the files of model.onnx
	Base    string            `json:"base,omitempty"`    // digest of what is not trained, where checkpoints leave it out
	Teacher string            `json:"teacher,omitempty"` // digest of model.teacher
	Repeats *[]data.Repeat    `json:"repeats,omitempty"` // images that are there twice; nil: not compared
	Scaler  *optim.LossScaler `json:"loss_scaler,omitempty"`
	Host    engine.Host       `json:"host"`

	// What the report says of the data and the machine, for programs that read the run folder.
	Division string          `json:"division,omitempty"` // how the splits were made, in words
	Splits   []figures.Split `json:"splits,omitempty"`   // images by class
	Facts    []report.Fact   `json:"facts,omitempty"`    // versions and hardware

	counted time.Time // up to when Seconds counts
}

// An epoch holds what a finished epoch leaves in the log.
type epoch struct {
	TrainRate float64            `json:"train_lr"`          // mean
	TrainLoss float64            `json:"train_loss"`        // mean
	Skipped   int                `json:"skipped,omitempty"` // optimizer steps
	Val       evaluation.Metrics `json:"val"`
}

// best returns the index of the epoch that has the most of a metric on validation, the earliest of equals; -1 without
// history.
func (s *state) best(by func(evaluation.Metrics) float64) int {
	best := -1
	for i, e := range s.History {
		if best < 0 || by(e.Val) > by(s.History[best].Val) {
			best = i
		}
	}
	return best
}

// countTime adds what has passed since the last call.
func (s *state) countTime() {
	now := time.Now()
	s.Seconds += now.Sub(s.counted).Seconds()
	s.counted = now
}

// duration returns what countTime has added up.
func (s *state) duration() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

// endEpoch moves on to the next epoch.
func (s *state) endEpoch() {
	s.Epoch++
	s.Batch, s.Skipped, s.LossSum, s.RateSum = 0, 0, 0, 0
}
