package inference

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"

	"fovea/data"
	"fovea/inference/shard"
)

// A Team is several processes that classify a split together. nil is one process.
type Team interface {
	Rank() int
	Size() int
	// Rounds calls do, which calls next at most n times. An error of one process, or the end of its context, is the
	// error of all.
	Rounds(ctx context.Context, n int, do func(next func() error) error) error
	// GatherBytes returns the data of all processes, by rank.
	GatherBytes(data []byte) ([][]byte, error)
}

// Share returns which batches of a number of images a process of a team classifies, nil for all of them. They are the
// batches of one process, so that the scores have the same bits.
func Share(t Team, images, batch int) func(batch int) bool {
	if t == nil || t.Size() == 1 {
		return nil
	}
	from, to := shard.Shard{Number: t.Rank() + 1, Of: t.Size()}.Range(images, batch)
	return func(b int) bool { return from <= b*batch && b*batch < to }
}

// together classifies what loader loads, the batches of this process's [Share] of a number of images, and calls add with
// the results of the whole team in the order of the images. report is told how far all are.
func (c *Classifier) together(ctx context.Context, loader *data.Loader, total int, t Team,
	report func(done, total int, detail string), add func([]Result)) error {
	done := 0
	if t == nil || t.Size() == 1 {
		return c.Stream(ctx, loader, 0, func(results []Result) error {
			add(results)
			done += len(results)
			report(done, total, "")
			return nil
		})
	}
	var own []sharedResult
	err := t.Rounds(ctx, (loader.Batches()+t.Size()-1)/t.Size(), func(next func() error) error {
		return c.Stream(ctx, loader, 0, func(results []Result) error {
			for _, r := range results {
				own = append(own, share(r))
			}
			done = min(done+len(results)*t.Size(), total) // the others are about as far
			report(done, total, "")
			return next()
		})
	})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(own); err != nil {
		return err
	}
	parts, err := t.GatherBytes(text.Bytes())
	if err != nil {
		return err
	}
	for _, part := range parts {
		var results []sharedResult
		if err := gob.NewDecoder(bytes.NewReader(part)).Decode(&results); err != nil {
			return err
		}
		for _, r := range results {
			add([]Result{r.result()})
		}
	}
	return nil
}

// A sharedResult is a Result that travels to other processes.
type sharedResult struct {
	Index         int
	Probabilities []float64
	Err           string // "": none
}

func share(r Result) sharedResult {
	s := sharedResult{r.Index, r.Probabilities, ""}
	if r.Err != nil {
		s.Err = r.Err.Error()
	}
	return s
}

func (s sharedResult) result() Result {
	r := Result{Index: s.Index, Probabilities: s.Probabilities}
	if s.Err != "" {
		r.Err = errors.New(s.Err)
	}
	return r
}
