package checklist

import "slices"

// A Checklist is a published reporting guideline.
type Checklist struct {
	Name   string // by which a user chooses it
	Title  string
	Source string // where it is published
	Items  []Item // in the published order; a sub-item such as 3a is one
}

// An Item is one point that a paper should report.
type Item struct {
	Number  string // as published, such as "12a"
	Section string
	Subject string  // in short words of this project
	Topics  []Topic // on which a fact answers it, or a part of it
	Author  string  // what only the author can say; "": facts answer all of it
}

// A Topic names what a fact is about.
type Topic string

// The topics of the items.
const (
	Kind            Topic = "kind of model"
	Task            Topic = "classes"
	Predictors      Topic = "predictors"
	Source          Topic = "source of the data"
	Flow            Topic = "flow of images and patients"
	Missing         Topic = "missing data"
	Preparation     Topic = "image preparation"
	Augmentation    Topic = "augmentation"
	Balance         Topic = "images by class and split"
	Severity        Topic = "severity in the test set"
	Imbalance       Topic = "treatment of class imbalance"
	Division        Topic = "how splits were made"
	Leaks           Topic = "separation of the splits"
	Characteristics Topic = "characteristics by split"
	Architecture    Topic = "architecture"
	Initialization  Topic = "initial weights"
	Training        Topic = "training"
	Selection       Topic = "selection of the model"
	Ensemble        Topic = "ensemble"
	Output          Topic = "output and threshold"
	Measures        Topic = "measures"
	Uncertainty     Topic = "intervals"
	Internal        Topic = "evaluation on internal data"
	External        Topic = "evaluation on external data"
	Results         Topic = "results"
	ByClass         Topic = "results by class"
	Calibration     Topic = "calibration"
	Utility         Topic = "clinical utility"
	CrossTable      Topic = "cross-tabulation"
	Failures        Topic = "errors"
	Subgroups       Topic = "results by subgroup"
	Clusters        Topic = "results by cluster"
	Updating        Topic = "updating of the model"
	Readers         Topic = "readers of the predictors"
	Software        Topic = "software"
	Hardware        Topic = "hardware and time"
	Reproduction    Topic = "files and seeds to reproduce the run"
)

// A Fact says what is known on a topic.
type Fact struct {
	Text          string   // sentences; "": nothing is known
	Where         []string // files, and their keys behind a colon, that Text comes from
	Lacks         string   // sentences on what is not known
	NotApplicable bool     // Text says why the topic does not exist
}

// Find returns the checklist of a name, or nil.
func Find(name string) *Checklist {
	i := slices.IndexFunc(All, func(c *Checklist) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return All[i]
}

// Names returns the names of all checklists.
func Names() (out []string) {
	for _, c := range All {
		out = append(out, c.Name)
	}
	return out
}

// All lists the checklists.
var All = []*Checklist{tripodAI, claim, stard, stardAI}
