package collective

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fovea/internal/numbers"
)

// An Agreed error is one that all ranks have, so that they end together and one of them reports it.
type Agreed struct{ Err error }

func (a *Agreed) Error() string { return a.Err.Error() }
func (a *Agreed) Unwrap() error { return a.Err }

// IsAgreed reports whether all ranks have an error.
func IsAgreed(err error) bool {
	var a *Agreed
	return errors.As(err, &a)
}

// A distant error is that of another rank.
type distant struct {
	rank, size int
	text       string
}

func (d *distant) Error() string   { return fmt.Sprintf("rank %d of %d: %s", d.rank, d.size, d.text) }
func (d *distant) Lines() []string { return strings.Split(d.Error(), "\n") }

// Agree returns an Agreed error on all ranks if one of them has an error: its own where it has one, else that of the
// first that does. An error that wraps context.Canceled asks all to stop, unless another rank has failed.
func (g *Group) Agree(err error) error {
	if g.Size() == 1 {
		return err
	}
	const stopped, failed = 1, 2
	mine := 0.0
	switch {
	case errors.Is(err, context.Canceled):
		mine = stopped
	case err != nil:
		mine = failed
	}
	all, broken := g.Gather([]float64{mine}, g.ones())
	switch {
	case broken != nil:
		return broken
	case slices.Max(all) == 0:
		return nil
	case slices.Max(all) == stopped:
		if err == nil {
			err = context.Canceled
		}
		return &Agreed{err}
	}
	text := ""
	if mine == failed {
		text = err.Error()
	}
	texts, broken := g.GatherBytes([]byte(text))
	if broken != nil {
		return broken
	}
	if mine != failed {
		first := slices.Index(all, failed)
		err = &distant{first, g.Size(), string(texts[first])}
	}
	return &Agreed{err}
}

// GatherBytes returns the data of all ranks, by rank.
func (g *Group) GatherBytes(data []byte) ([][]byte, error) {
	if g.Size() == 1 {
		return [][]byte{data}, nil
	}
	lengths, err := g.Gather([]float64{float64(len(data))}, g.ones())
	if err != nil {
		return nil, err
	}
	out := make([][]byte, g.Size())
	for rank, n := range lengths {
		out[rank] = make([]byte, int(n))
	}
	step := 4 * pieceLength(g.Size()) // bytes
	for at := 0; at < int(slices.Max(lengths)); at += step {
		counts := make([]int, g.Size()) // of float64, whose bits nobody looks at
		for rank, to := range out {
			counts[rank] = (min(step, max(0, len(to)-at)) + 7) / 8
		}
		part := make([]float64, counts[g.Rank()])
		copy(numbers.Bytes(part), data[min(at, len(data)):])
		all, err := g.Gather(part, counts)
		if err != nil {
			return nil, err
		}
		for rank, to := range out {
			copy(to[min(at, len(to)):], numbers.Bytes(all[:counts[rank]]))
			all = all[counts[rank]:]
		}
	}
	return out, nil
}

// ones returns the counts of a Gather of one number of each rank.
func (g *Group) ones() []int { return slices.Repeat([]int{1}, g.Size()) }

// Rest waits until every rank has called it. Other than in a Barrier, the cores are free meanwhile, so that it may take
// hours.
func (g *Group) Rest() error {
	if t, ok := g.transport.(resting); ok {
		return t.rest()
	}
	return g.Barrier()
}

// First lets rank 0 do what the others wait for. All have its error.
func (g *Group) First(do func() error) (err error) {
	if g.Rank() == 0 {
		err = do()
	}
	if g.Size() == 1 {
		return err
	}
	if err := g.Rest(); err != nil {
		return err
	}
	return g.Agree(err)
}

// Tell returns on all ranks what rank 0 finds out. It travels as JSON.
func Tell[T any](g *Group, find func() (T, error)) (found T, err error) {
	var text []byte
	err = g.First(func() (err error) {
		if found, err = find(); err == nil && g.Size() > 1 {
			text, err = json.Marshal(found)
		}
		return err
	})
	if err != nil || g.Size() == 1 {
		return found, err
	}
	if text, err = g.Broadcast(text); err == nil && g.Rank() > 0 {
		err = json.Unmarshal(text, &found)
	}
	return found, err
}

// Rounds lets each rank do a share of some work. do calls next after each part of it, at most n times. If one rank
// fails, or its context ends, all stop at their next call with an [Agreed] error.
func (g *Group) Rounds(ctx context.Context, n int, do func(next func() error) error) error {
	if g.Size() == 1 {
		return do(func() error { return nil })
	}
	rounds := 0
	var agreed error
	next := func() error {
		rounds++
		agreed = g.Agree(ctx.Err())
		return agreed
	}
	err := do(next)
	for agreed == nil && err == nil && rounds < n { // others have more parts
		next()
	}
	if agreed != nil {
		return agreed
	}
	return g.Agree(err) // where others that still work take their next round, or all their last
}
