package report

import (
	"cmp"
	"path"
	"slices"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

const sheetImages = 24 // images of a list, at most

// Sheets returns the contact sheets of the hardest errors and of the most confident correct answers, for files. A page
// lists the hardest errors instead.
func (r *Report) Sheets() []Picture {
	if r.Test == nil || r.Test.Open == nil {
		return nil
	}
	var out []Picture
	for _, s := range []struct {
		name, title string
		rows        []ranked
	}{{"errors", "Hardest errors: lowest probability of the actual class", r.Test.hardest()},
		{"best", "Most confident correct answers", r.Test.surest()}} {
		if len(s.rows) == 0 {
			continue
		}
		var tiles []figures.Tile
		for _, x := range s.rows {
			c := x.Predicted()
			classes := r.Test.Predictions.Classes
			tile := figures.Tile{Actual: classes[x.Label], Predicted: classes[c], Probability: x.Probabilities[c]}
			if img, err := r.Test.Open(x.Path); err == nil { // else it stays grey
				tile.Image = shrink(img, thumbnailSide)
			}
			tiles = append(tiles, tile)
		}
		out = append(out, Picture{Name: s.name, Figure: figures.Sheet(tiles, s.title)})
	}
	return out
}

// hardErrors returns the hardest errors as a page lists them.
func (t *Test) hardErrors() []hardError {
	var out []hardError
	for _, x := range t.hardest() {
		k := x.Predicted()
		classes := t.Predictions.Classes
		e := hardError{Row: x.row, Name: path.Base(x.Path), Path: x.Path, Actual: classes[x.Label], Predicted: classes[k],
			ActualProbability: x.Probabilities[x.Label], Probability: x.Probabilities[k], Unread: t.Open != nil}
		if t.Open != nil {
			if img, err := t.Open(x.Path); err == nil {
				e.Source, err = Thumbnail(img)
				e.Unread = err != nil
			}
		}
		out = append(out, e)
	}
	return out
}

// ranked is a prediction with its place in the table.
type ranked struct {
	evaluation.Prediction
	row int
}

// hardest returns the errors whose actual class has the lowest probability, the lowest first.
func (t *Test) hardest() []ranked {
	return t.extreme(func(x evaluation.Prediction) bool { return x.Predicted() != x.Label },
		func(x evaluation.Prediction) float64 { return x.Probabilities[x.Label] })
}

// surest returns the correct predictions of the highest probability, the highest first.
func (t *Test) surest() []ranked {
	return t.extreme(func(x evaluation.Prediction) bool { return x.Predicted() == x.Label },
		func(x evaluation.Prediction) float64 { return -x.Probabilities[x.Label] })
}

func (t *Test) extreme(which func(evaluation.Prediction) bool,
	by func(evaluation.Prediction) float64) []ranked {
	var rows []ranked
	for i, x := range t.Predictions.Rows {
		if which(x) {
			rows = append(rows, ranked{x, i})
		}
	}
	slices.SortStableFunc(rows, func(a, b ranked) int { return cmp.Compare(by(a.Prediction), by(b.Prediction)) })
	return rows[:min(len(rows), sheetImages)]
}
