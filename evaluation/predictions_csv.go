package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"fovea/internal/table"
)

// fixedColumns stand before the probabilities, one column a class, whose headers are the class names.
var fixedColumns = []string{"path", "label", "predicted"}

// WritePredictions writes p as predictions_test.csv: path, true class and predicted class by name, and the probability
// of each class, the shortest number that reads back as the same float64. Names are
// written as [table.Escape] says. Errors are those of [Predictions.Check], those of w, and a path or class name that
// CSV cannot hold.
func WritePredictions(w io.Writer, p *Predictions) error {
	if err := p.Check(); err != nil {
		return err
	}
	for _, name := range p.Classes {
		if err := checkText(name); err != nil {
			return fmt.Errorf("class %q: %w", name, err)
		}
	}
	out := csv.NewWriter(w)
	classes := make([]string, len(p.Classes))
	for c, name := range p.Classes {
		classes[c] = table.Escape(name)
	}
	record := slices.Concat(fixedColumns, classes)
	out.Write(record) // the writer keeps its first error for Error below
	for i, r := range p.Rows {
		if err := checkText(r.Path); err != nil {
			return fmt.Errorf("row %d: path %q: %w", i+1, r.Path, err)
		}
		record = append(record[:0], table.Escape(r.Path), classes[r.Label], classes[r.Predicted()])
		for _, v := range r.Probabilities {
			record = append(record, formatFloat(v))
		}
		out.Write(record)
	}
	out.Flush()
	return out.Error()
}

// checkText refuses what encoding/csv would change on the way back.
func checkText(s string) error {
	if strings.Contains(s, "\r\n") {
		return fmt.Errorf("contains a line break (CR LF), which a CSV file does not keep")
	}
	return nil
}

// isOwn reports whether a header is of the form of [WritePredictions].
func isOwn(header []string) bool {
	n := len(fixedColumns)
	return len(header) >= n && slices.Equal(header[:n], fixedColumns)
}
