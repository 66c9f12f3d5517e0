package report

import (
	"image"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

// Report is what a page is made from.
type Report struct {
	Name    string
	Dataset string // the folder
	Model   string // in words: "a ViT of 815,237 parameters"
	Classes []string

	Status  Status
	Written time.Time
	Took    time.Duration // so far

	Epochs    int // of the whole run
	History   []Epoch
	Best      int              // index of the epoch that was selected, -1: none yet
	Selection string           // the validation metric that selects it, by its name in files
	Rates     []figures.Series // learning rate of each layer, for the epochs so far

	Splits  []figures.Split
	Repeats *Repeats // nil: images were not compared

	Test *Test // nil: not tested yet

	Config   string // TOML
	Facts    []Fact // versions and hardware
	Commands []Command
}

// Status of a run.
type Status string

// A page of a run that is Running loads itself again.
const (
	Running  Status = "running"
	Stopped  Status = "stopped" // and not finished
	Finished Status = "finished"
)

// Epoch is what one has left.
type Epoch struct {
	TrainLoss float64
	Val       evaluation.Metrics
}

// Test is the evaluation of the selected epoch on the test split.
type Test struct {
	Metrics     evaluation.Metrics
	Predictions *evaluation.Predictions
	// Assessment has more measures, and intervals; nil: there are none, but for
	// Wilson's of the accuracy.
	Assessment *evaluation.Assessment
	// Open reads an image of Predictions; nil: no images are shown.
	Open func(path string) (image.Image, error)
}

// Repeats are images that are there more than once, in bytes or in pixels.
type Repeats struct {
	Groups []Repeat
}

// Repeat is one such image.
type Repeat struct {
	Files  []File
	Pixels bool // equal only once they are decoded
}

// File is an image of a split.
type File struct{ Split, Class, Path string }

// Fact is a version, or a part of the machine.
type Fact struct{ Name, Value string }

// Command is a line for a shell, and what it does.
type Command struct{ Does, Line string }

// leaks are the repeats with files in more than one split.
func (r *Repeats) leaks() []Repeat { return r.differing(func(f File) string { return f.Split }) }

// contradictions are the repeats with files of more than one class.
func (r *Repeats) contradictions() []Repeat {
	return r.differing(func(f File) string { return f.Class })
}

func (r *Repeats) differing(by func(File) string) []Repeat {
	var out []Repeat
	if r == nil {
		return out
	}
	for _, g := range r.Groups {
		for _, f := range g.Files[1:] {
			if by(f) != by(g.Files[0]) {
				out = append(out, g)
				break
			}
		}
	}
	return out
}
