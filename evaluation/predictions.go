package evaluation

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// A Prediction holds the probabilities of one image beside its true class.
type Prediction struct {
	Path          string    // the image
	Label         int       // the true class, an index into Predictions.Classes
	Probabilities []float64 // one a class, in [0, 1]
	Attributes    []string  // values of Predictions.Attributes; "": not known
}

// Predicted returns the class of largest probability, the lowest of those that tie (numpy.argmax).
func (r Prediction) Predicted() int {
	best := 0
	for c, v := range r.Probabilities {
		if v > r.Probabilities[best] {
			best = c
		}
	}
	return best
}

// Predictions is a table of predictions over one list of classes.
//
// The order of the classes has a meaning. Of two classes the second is positive. Ordered classes are grades, which
// ascend.
type Predictions struct {
	Classes    []string
	Ordered    bool     // the classes are grades
	Attributes []string // what is known of each image, such as "patient", "eye" and "camera"
	Unit       Unit     // of a row; "": an image
	Pool       Pool     // how a unit's images became one row
	Rows       []Prediction
}

// Check returns an error about the first thing that makes p unusable. It wants at least two classes with different
// names, and at least one row. A row must have the label of a class, and for each class a probability in [0, 1]. Errors
// count rows from 1.
func (p *Predictions) Check() error {
	if err := checkClasses(p.Classes); err != nil {
		return err
	}
	if len(p.Rows) == 0 {
		return errors.New("there are no predictions to evaluate")
	}
	for i, r := range p.Rows {
		if r.Label < 0 || r.Label >= len(p.Classes) {
			return fmt.Errorf("%s: label %d is not one of the %d classes", rowName(i, r), r.Label, len(p.Classes))
		}
		if len(r.Probabilities) != len(p.Classes) {
			return fmt.Errorf("%s: %d probabilities for %d classes", rowName(i, r), len(r.Probabilities), len(p.Classes))
		}
		for c, v := range r.Probabilities {
			if err := checkProbability(v); err != nil {
				return fmt.Errorf("%s: class %q: %w", rowName(i, r), p.Classes[c], err)
			}
		}
	}
	return nil
}

func checkClasses(classes []string) error {
	if len(classes) < 2 {
		return fmt.Errorf("%d classes, but a classifier needs at least 2", len(classes))
	}
	first := make(map[string]int, len(classes))
	for c, name := range classes {
		if strings.TrimSpace(name) == "" {
			return fmt.Errorf("class %d has no name", c)
		}
		if b, ok := first[name]; ok {
			return fmt.Errorf("classes %d and %d have the same name %q", b, c, name)
		}
		first[name] = c
	}
	return nil
}

// maxProbability leaves room for the last rounding of a float32 or float16 softmax, which may end just above 1.
const maxProbability = 1 + 1e-3

func checkProbability(v float64) error {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("probability %v is not finite: the model has diverged or its input was not finite", v)
	case v < 0 || v > maxProbability:
		return fmt.Errorf("%v is not a probability: if these are logits, apply softmax first", v)
	}
	return nil
}

func rowName(i int, r Prediction) string {
	if r.Path == "" {
		return fmt.Sprintf("row %d", i+1)
	}
	return fmt.Sprintf("row %d (%s)", i+1, r.Path)
}

// ConfusionMatrix counts the rows by true class (first index) and predicted class (second index). p must pass
// [Predictions.Check].
func ConfusionMatrix(p *Predictions) [][]int {
	n := len(p.Classes)
	counts := make([][]int, n)
	for i := range counts {
		counts[i] = make([]int, n)
	}
	for _, r := range p.Rows {
		counts[r.Label][r.Predicted()]++
	}
	return counts
}
