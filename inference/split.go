package inference

import (
	"context"

	"fovea/data"
	"fovea/evaluation"
)

// PredictSplit classifies a split in its order, which loader keeps. With a team, loader keeps the batches that
// [Share] says.
func PredictSplit(ctx context.Context, c *Classifier, split *data.Split, loader *data.Loader, t Team,
	report func(done, total int, detail string)) (*evaluation.Predictions, error) {
	out := newPredictions(split)
	return out.table, c.together(ctx, loader, len(split.Samples), t, report, out.add)
}

// predictions collects those of a split as they come.
type predictions struct {
	split *data.Split
	table *evaluation.Predictions
	bad   data.Unreadable
	done  int
}

func newPredictions(split *data.Split) *predictions {
	return &predictions{split: split, table: &evaluation.Predictions{Classes: split.Classes, Attributes: split.Attributes},
		bad: data.Unreadable{Total: len(split.Samples)}}
}

func (p *predictions) add(results []Result) {
	p.done += len(results)
	for _, r := range results {
		sample := p.split.Samples[r.Index]
		if r.Err != nil {
			p.bad.Images = append(p.bad.Images, data.BadImage{Index: r.Index, Sample: sample, Err: r.Err})
			continue
		}
		row := evaluation.Prediction{Path: sample.Path, Label: sample.Class, Probabilities: r.Probabilities}
		if p.split.Rows != nil {
			row.Attributes = p.split.Rows[sample.Row]
		}
		p.table.Rows = append(p.table.Rows, row)
	}
}
