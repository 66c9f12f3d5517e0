package main

import "fovea/evaluation"

// defaultIntervals returns the settings that intervalFlags starts from.
func defaultIntervals() evaluation.Intervals { return evaluation.Intervals{Rounds: 2000, Level: 0.95} }

// intervalFlags defines the flags that say how intervals are made.
func intervalFlags(o *evaluation.Intervals) []flagEntry {
	return []flagEntry{
		{&o.Rounds, "rounds", "N", "bootstrap rounds"},
		{&o.Level, "level", "L", "confidence level of the intervals"},
		{&o.Seed, "seed", "N", "seed of the bootstrap (default 0)"},
	}
}

func checkIntervals(o evaluation.Intervals) error {
	switch {
	case o.Rounds < 20:
		return badUsage("-rounds %d: must be at least 20", o.Rounds)
	case !(o.Level > 0 && o.Level < 1):
		return badUsage("-level %v: must lie between 0 and 1", o.Level)
	}
	return nil
}
