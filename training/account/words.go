package account

import (
	"fmt"
	"slices"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/checklist"
	"fovea/internal/runfiles"
)

// Where facts come from.
const (
	inState   = runfiles.LastCheckpoint + "/" + runfiles.CheckpointState
	inWeights = runfiles.LastCheckpoint + "/" + runfiles.CheckpointModel
	inConfig  = runfiles.Config + ": "
	inModel   = runfiles.Model + ": "
)

var (
	inMeasures    = runfiles.Measures("test")
	inPredictions = runfiles.Predictions("test")
)

// A writer gathers the sentences of a fact.
type writer struct {
	text, lacks, where []string
	notApplicable      bool
}

// say adds a sentence and where it comes from.
func (w *writer) say(where []string, format string, args ...any) {
	w.text = append(w.text, fmt.Sprintf(format, args...))
	for _, x := range where {
		if !slices.Contains(w.where, x) {
			w.where = append(w.where, x)
		}
	}
}

// lack adds a sentence on what is not known.
func (w *writer) lack(format string, args ...any) {
	w.lacks = append(w.lacks, fmt.Sprintf(format, args...))
}

func (w *writer) fact() checklist.Fact {
	return checklist.Fact{Text: strings.Join(w.text, " "), Where: w.where, Lacks: strings.Join(w.lacks, " "),
		NotApplicable: w.notApplicable}
}

// keys returns the places of config keys.
func keys(names ...string) []string { return []string{inConfig + strings.Join(names, ", ")} }

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// percent returns part of whole in percent, "" without a whole.
func percent(part, whole int) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.1f %%)", 100*float64(part)/float64(whole))
}

// names lists names, at most twelve.
func names(all []string) string {
	const most = 12
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// estimate returns a measure with its interval, "" if the data leave it undefined.
func estimate(all []evaluation.Estimate, name, called string) string {
	m, ok := evaluation.Find(all, name)
	if !ok || m.Value != m.Value {
		return ""
	}
	if m.Low != m.Low || m.High != m.High {
		return fmt.Sprintf("%s %.3f", called, m.Value)
	}
	return fmt.Sprintf("%s %.3f (%.3f to %.3f)", called, m.Value, m.Low, m.High)
}

// join joins what is not empty.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}
