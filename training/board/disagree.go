package board

import (
	"cmp"
	"fmt"
	"html/template"
	"image"
	"path"
	"slices"

	"fovea/evaluation"
	"fovea/evaluation/report"
)

// shownDisagreements of a page are listed.
const shownDisagreements = 48

// Disagreements are images that contenders take for different classes, each for its most probable one.
type Disagreements struct {
	Of     int // images that were compared
	Number int
	Shown  []Disagreement
	Unread int // of Shown
}

// A Disagreement is one image.
type Disagreement struct {
	Name, Path, Actual string
	Answers            []Answer
	Source             template.URL // "": it cannot be read
}

// An Answer of a contender is its most probable class, with its probability.
type Answer struct {
	By, Class   string
	Probability float64
	Right       bool
}

// Disagree finds the images on which contenders with predictions disagree, which must be those of a contest. The first
// ones are those of which the probabilities of the actual class differ most. open reads an image.
func Disagree(contenders []evaluation.Contender, open func(path string) (image.Image, error)) (*Disagreements, error) {
	var names []string
	var all []*evaluation.Predictions
	for _, k := range contenders {
		if k.Predictions == nil {
			continue
		}
		p := k.Predictions
		if len(all) > 0 {
			var err error
			if p, err = evaluation.Align(all[0], p); err != nil {
				return nil, fmt.Errorf("%s: %w", k.Name, err)
			}
		}
		all, names = append(all, p), append(names, k.Name)
	}
	if len(all) < 2 {
		return nil, nil
	}
	type found struct {
		row int
		gap float64
	}
	var rows []found
	for i, r := range all[0].Rows {
		low, high := 1.0, 0.0
		differ := false
		for _, p := range all {
			v := p.Rows[i].Probabilities[r.Label]
			low, high = min(low, v), max(high, v)
			differ = differ || p.Rows[i].Predicted() != r.Predicted()
		}
		if differ {
			rows = append(rows, found{i, high - low})
		}
	}
	slices.SortStableFunc(rows, func(a, b found) int { return cmp.Compare(b.gap, a.gap) })
	out := &Disagreements{Of: len(all[0].Rows), Number: len(rows)}
	classes := all[0].Classes
	for _, x := range rows[:min(len(rows), shownDisagreements)] {
		r := all[0].Rows[x.row]
		d := Disagreement{Name: path.Base(r.Path), Path: r.Path, Actual: classes[r.Label]}
		for i, p := range all {
			k := p.Rows[x.row].Predicted()
			d.Answers = append(d.Answers, Answer{names[i], classes[k], p.Rows[x.row].Probabilities[k], k == r.Label})
		}
		if img, err := open(r.Path); err != nil {
			out.Unread++
		} else if d.Source, err = report.Thumbnail(img); err != nil {
			out.Unread++
		}
		out.Shown = append(out.Shown, d)
	}
	return out, nil
}
