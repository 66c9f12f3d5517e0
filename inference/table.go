package inference

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"fovea/evaluation"
	"fovea/internal/naming"
	"fovea/internal/table"
)

// Forms in which a Table can be written.
const (
	CSV       = "csv"
	JSONLines = "jsonl"
)

// A Table writes a row for each image: path, predicted, one probability a class, with a rule the decision, and error.
// An image with an error has nothing else. As JSON lines a row is an object with the keys path, predicted,
// probabilities (an object by class), decision (null where there is none), decision_rule and error.
type Table struct {
	classes []string
	rule    *Rule
	csv     *csv.Writer   // nil for JSON lines
	json    *json.Encoder // nil for CSV
}

// NewTable writes a table of a form to w, beginning with its header. rule may be nil.
func NewTable(w io.Writer, form string, classes []string, rule *Rule) (*Table, error) {
	t := &Table{classes: classes, rule: rule}
	switch form {
	case JSONLines:
		t.json = json.NewEncoder(w)
		t.json.SetEscapeHTML(false)
		return t, nil
	case CSV:
	default:
		return nil, fmt.Errorf("format %q is unknown: %s or %s", form, CSV, JSONLines)
	}
	t.csv = csv.NewWriter(w)
	before, after := []string{"path", "predicted"}, []string{"error"}
	if rule != nil {
		after = []string{"decision", "error"}
	}
	for _, name := range slices.Concat(before, after) {
		if slices.Contains(classes, name) {
			return nil, fmt.Errorf("a class is called %q, as a column of the table is: choose the format %s", name, JSONLines)
		}
	}
	escaped := make([]string, len(classes))
	for i, name := range classes {
		escaped[i] = table.Escape(name)
	}
	t.csv.Write(slices.Concat(before, escaped, after))
	return t, t.flush()
}

func (t *Table) flush() error {
	t.csv.Flush()
	return t.csv.Error()
}

// Write writes the rows of results, whose Index is that of their path.
func (t *Table) Write(paths []string, results []Result) error {
	for _, r := range results {
		if t.csv != nil {
			t.csv.Write(t.record(paths[r.Index], r)) // the writer keeps its first error for flush
		} else if err := t.json.Encode(t.object(paths[r.Index], r)); err != nil {
			return err
		}
	}
	if t.csv != nil {
		return t.flush()
	}
	return nil
}

func (t *Table) record(path string, r Result) []string {
	out := []string{table.Escape(path)}
	if r.Err != nil {
		width := 1 + len(t.classes)
		if t.rule != nil {
			width++
		}
		return append(append(out, make([]string, width)...), table.Escape(naming.Shorten(r.Err.Error())))
	}
	out = append(out, table.Escape(t.predicted(r)))
	for _, p := range r.Probabilities {
		out = append(out, strconv.FormatFloat(p, 'g', -1, 64))
	}
	if t.rule != nil {
		out = append(out, table.Escape(t.rule.Decision(r.Probabilities)))
	}
	return append(out, "")
}

func (t *Table) predicted(r Result) string {
	return t.classes[evaluation.Prediction{Probabilities: r.Probabilities}.Predicted()]
}

func (t *Table) object(path string, r Result) map[string]any {
	if r.Err != nil {
		return map[string]any{"path": path, "error": naming.Shorten(r.Err.Error())}
	}
	byClass := map[string]float64{}
	for c, p := range r.Probabilities {
		byClass[t.classes[c]] = p
	}
	out := map[string]any{"path": path, "predicted": t.predicted(r), "probabilities": byClass}
	if t.rule != nil {
		out["decision"], out["decision_rule"] = nil, t.rule.String()
		if decision := t.rule.Decision(r.Probabilities); decision != "" {
			out["decision"] = decision
		}
	}
	return out
}
