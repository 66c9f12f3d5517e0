package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"fovea/internal/table"
)

// resultColumns stand before the probabilities, one column a class, whose headers are the class names. Before them
// stand the path and the attributes.
var resultColumns = []string{"label", "predicted"}

const pathColumn = "path"

// WritePredictions writes p as predictions_test.csv: path, attributes, true class and predicted class by name, and the
// probability of each class, the shortest number that reads back as the same float64. Names are written
// as [table.Escape] says. Errors are those of
// [Predictions.Check], those of w, and a path, attribute or class name that CSV cannot hold.
func WritePredictions(w io.Writer, p *Predictions) error {
	if err := p.Check(); err != nil {
		return err
	}
	for _, name := range slices.Concat(p.Attributes, p.Classes) {
		if err := checkText(name); err != nil {
			return fmt.Errorf("column %q: %w", name, err)
		}
	}
	for i, name := range p.Attributes {
		taken := slices.Concat(p.Attributes[:i], resultColumns, []string{"", pathColumn})
		if slices.Contains(taken, name) {
			return fmt.Errorf("attribute %d is called %q: names must differ, and path, label and predicted are taken", i+1, name)
		}
	}
	out := csv.NewWriter(w)
	classes := make([]string, len(p.Classes))
	for c, name := range p.Classes {
		classes[c] = table.Escape(name)
	}
	attributes := make([]string, len(p.Attributes))
	for k, name := range p.Attributes {
		attributes[k] = table.Escape(name)
	}
	record := slices.Concat([]string{pathColumn}, attributes, resultColumns, classes)
	out.Write(record) // the writer keeps its first error for Error below
	for i, r := range p.Rows {
		record = append(record[:0], r.Path)
		for k := range p.Attributes {
			value := ""
			if k < len(r.Attributes) {
				value = r.Attributes[k]
			}
			record = append(record, value)
		}
		for k, text := range record {
			if err := checkText(text); err != nil {
				return fmt.Errorf("row %d: column %d: %q: %w", i+1, k+1, text, err)
			}
			record[k] = table.Escape(text)
		}
		record = append(record, classes[r.Label], classes[r.Predicted()])
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

// ownLabel returns the column of labels of a header of the form of [WritePredictions], behind the attributes, or -1.
func ownLabel(header []string) int {
	if len(header) == 0 || header[0] != pathColumn {
		return -1
	}
	for i := 1; i+1 < len(header); i++ {
		if slices.Equal(header[i:i+2], resultColumns) {
			return i
		}
	}
	return -1
}
