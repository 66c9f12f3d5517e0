package main

import (
	"flag"
	"fmt"

	"fovea/evaluation"
)

// addIntervals adds the flags that say how intervals are made.
func addIntervals(fs *flag.FlagSet, o *evaluation.Intervals) {
	fs.IntVar(&o.Rounds, "rounds", 2000, "bootstrap rounds")
	fs.Float64Var(&o.Level, "level", 0.95, "confidence level of the intervals")
	fs.Uint64Var(&o.Seed, "seed", 0, "seed of the bootstrap")
}

func checkIntervals(fs *flag.FlagSet, o evaluation.Intervals) error {
	switch {
	case o.Rounds < 20:
		return &usageError{fs.Name(), fmt.Errorf("-rounds %d: must be at least 20", o.Rounds)}
	case !(o.Level > 0 && o.Level < 1):
		return &usageError{fs.Name(), fmt.Errorf("-level %v: must lie between 0 and 1", o.Level)}
	}
	return nil
}
