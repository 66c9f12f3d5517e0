package main

import (
	"log/slog"

	"fovea/evaluation"
)

// configFlag defines -set for the commands that read a whole config.
func configFlag(overrides *texts) flagEntry {
	return flagEntry{overrides, "set", "KEY=VALUE",
		"override a key of the config, as in -set schedule.epochs=20; may repeat"}
}

// runtimeFlag defines -set for the commands that read only the runtime section.
func runtimeFlag(overrides *texts) flagEntry {
	return flagEntry{overrides, "set", "KEY=VALUE",
		"override a key of the runtime section, as in -set runtime.provider=cpu; may repeat"}
}

// skipFlag defines -skip-unreadable.
func skipFlag(skip *bool) flagEntry {
	return flagEntry{skip, "skip-unreadable", "", "leave out images that cannot be read"}
}

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

// A meaningFlags value holds the flags that say how classes are to be read.
type meaningFlags struct{ positive, ordered string }

func (m *meaningFlags) flags() []flagEntry {
	return []flagEntry{
		{&m.positive, "positive", "CLASS", `the class of two that is looked for: sensitivity, specificity, PPV and others are its
			own (default: what the model or the file beside the table says, else what the names mean)`},
		{&m.ordered, "ordered", "ORDER", `whether the classes are grades, which quadratic kappa is for: no, yes, or the classes
			in ascending order with commas between them (default: as of -positive)`},
	}
}

// said returns what the flags say.
func (m *meaningFlags) said() (evaluation.Said, error) {
	s := evaluation.Said{Positive: m.positive, Ordered: m.ordered}
	if m.ordered != "" && m.ordered != "yes" && m.ordered != "no" {
		order, err := readList("ordered", m.ordered)
		if err != nil {
			return s, badUsage("%w", err)
		}
		s.Order, s.Ordered = order, "yes"
	}
	return s, nil
}

// logMeaning says how the classes of a result were read, and what depends on what is not known.
func logMeaning(of string, m evaluation.Meaning) {
	slog.Info(of, "classes", m.How)
	if m.Unknown != "" {
		slog.Warn(of, "classes", m.Unknown)
	}
}
