package report

import (
	"context"
	"image"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/figures"
	"fovea/evaluation/operating"
)

// A Report holds the data of a page. A part that is not there is left out of the page.
type Report struct {
	Name    string
	Subject string // of the report, without a full stop: "A ViT of 815,237 parameters, trained on OCTID"
	Classes []string
	Written time.Time

	Run      *Run            // nil: nothing was trained
	Splits   []figures.Split // at least one
	Repeats  *Repeats        // nil: images were not compared
	Patients *Patients       // nil: the patient of no image is known
	Test     *Test           // nil: not tested yet

	Config   string // TOML
	Facts    []Fact // versions and hardware
	Commands []Command
}

// Run is a training.
type Run struct {
	Status    Status
	Took      time.Duration // so far
	Epochs    int           // of all of it
	History   []Epoch
	Best      int              // index of the epoch that was selected, -1: none yet
	Selection string           // the validation metric that selects it, by its name in files
	Rates     []figures.Series // learning rate of each layer, for the epochs so far
}

// Status of a run.
type Status string

// A page of a run that is Running offers to load itself again.
const (
	Running  Status = "running"
	Stopped  Status = "stopped" // and not finished
	Finished Status = "finished"
)

// An Epoch holds the results of one epoch.
type Epoch struct {
	TrainLoss float64
	Val       evaluation.Metrics
}

// Test is an evaluation, of the selected epoch of a run or of anything else.
type Test struct {
	Split       string // its name, such as "test"
	Metrics     evaluation.Metrics
	Predictions *evaluation.Predictions
	Assessment  *evaluation.Assessment
	Meaning     evaluation.Meaning // of the classes
	Operating   []*operating.Result
	Benefit     *operating.Curve // nil: of more than two classes without a cut
	// Open reads an image of Predictions; nil: no images are shown.
	Open func(path string) (image.Image, error)
}

// NewTest evaluates predictions.
func NewTest(ctx context.Context, split string, p *evaluation.Predictions, o evaluation.Intervals,
	b evaluation.Breakdown) (*Test, error) {
	p, notes, err := b.Rows(p)
	if err != nil {
		return nil, err
	}
	m, _, err := evaluation.Compute(p) // whose warnings the assessment has
	if err != nil {
		return nil, err
	}
	a, err := b.Assess(ctx, p, notes, o)
	if err != nil {
		return nil, err
	}
	t := &Test{Split: split, Metrics: m, Predictions: p, Assessment: a}
	return t, t.Apply(nil)
}

// Apply adds what the thresholds of operating points do on the test, and the decision curve of two classes or of the cut
// of the first point.
func (t *Test) Apply(points []operating.Point) error {
	cut := ""
	for i, p := range points {
		r, err := p.Apply(t.Predictions, t.Assessment.Level)
		if err != nil {
			return err
		}
		if t.Operating = append(t.Operating, r); i == 0 && p.Upper != nil {
			cut = p.Positive
		}
	}
	if len(t.Predictions.Classes) == 2 || cut != "" {
		var err error
		t.Benefit, err = operating.NetBenefit(t.Predictions, cut)
		return err
	}
	return nil
}

// Repeats are images that are there more than once, in bytes or in pixels.
type Repeats struct {
	Groups []Repeat
}

// Patients says how the patients of the images are divided.
type Patients struct {
	Number  int // of patients
	Shared  int // of patients with images in more than one split
	Unknown int // of images whose patient is not known
}

// Repeat is one such image.
type Repeat struct {
	Files   []File
	Pixels  bool // equal only once they are decoded
	Similar bool // made from one another: cut, resized or compressed again
}

// File is an image of a split.
type File struct{ Split, Class, Path string }

// Fact is a version, or a part of the machine.
type Fact struct{ Name, Value string }

// Command is a line for a shell, and what it does.
type Command struct{ Does, Line string }

// leaks returns the repeats with files in more than one split.
func (r *Repeats) leaks() []Repeat { return r.differing(func(f File) string { return f.Split }) }

// contradictions returns the repeats with files of more than one class.
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
