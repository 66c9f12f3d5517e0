package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"fovea/internal/naming"
	"fovea/internal/table"
)

// fixedColumns stand before the probabilities, one column a class, whose headers are the class names.
var fixedColumns = []string{"path", "label", "predicted"}

// WritePredictions writes p as predictions_test.csv: path, true class and predicted class by name, and the probability
// of each class, the shortest number that reads back as the same float64. Errors are those of [Predictions.Check],
// those of w, and a path or class name that CSV cannot hold.
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
	record := slices.Concat(fixedColumns, p.Classes)
	out.Write(record) // the writer keeps its first error for Error below
	for i, r := range p.Rows {
		if err := checkText(r.Path); err != nil {
			return fmt.Errorf("row %d: path %q: %w", i+1, r.Path, err)
		}
		record = append(record[:0], r.Path, p.Classes[r.Label], p.Classes[r.Predicted()])
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

// ReadPredictions reads a table in the form of [WritePredictions], whoever wrote it. The class names in the header give
// the classes and their order. The predicted class must be one of largest probability. Errors name line and column; a
// table that is returned passes [Predictions.Check].
func ReadPredictions(r io.Reader) (*Predictions, error) {
	p, err := readPredictions(r)
	if err != nil {
		return nil, fmt.Errorf("predictions: %w", err)
	}
	return p, nil
}

func readPredictions(r io.Reader) (*Predictions, error) {
	in, err := table.NewReader(r, table.Options{Fits: isOwn})
	if err != nil {
		return nil, err
	}
	if !isOwn(in.Exact) {
		return nil, fmt.Errorf("line 1: the header must begin with %q and go on with one column a class, it is %.300q",
			strings.Join(fixedColumns, ","), strings.Join(in.Exact, ","))
	}
	p := &Predictions{Classes: in.Exact[len(fixedColumns):]}
	if err := checkClasses(p.Classes); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	index := naming.NewIndex(p.Classes)
	for {
		record, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		row, err := parseRow(in, record, p.Classes, index)
		if err != nil {
			return nil, err
		}
		p.Rows = append(p.Rows, row)
	}
	return p, p.Check()
}

// isOwn reports whether a header is of the form of [WritePredictions].
func isOwn(header []string) bool {
	n := len(fixedColumns)
	return len(header) >= n && slices.Equal(header[:n], fixedColumns)
}

func parseRow(in *table.Reader, record, classes []string, index *naming.Index) (Prediction, error) {
	n := len(fixedColumns)
	// The record's strings share one buffer; a clone lets go of the numbers.
	row := Prediction{Path: strings.Clone(record[0]), Probabilities: make([]float64, len(classes))}
	var which [2]int // label, predicted
	for i := range which {
		c, ok := index.Find(record[1+i])
		if !ok {
			return row, fmt.Errorf("%s: %.100s is not a class of the header", in.Where(1+i), naming.Quote(record[1+i]))
		}
		which[i] = c
	}
	row.Label = which[0]
	for c := range classes {
		v, err := in.Number(record[n+c])
		if err == nil {
			err = checkProbability(v)
		}
		if err != nil {
			return row, fmt.Errorf("%s: %w", in.Where(n+c), err)
		}
		row.Probabilities[c] = v
	}
	// Rounded tables tie where the originals did not, so any of the largest will do.
	best := row.Predicted()
	if row.Probabilities[which[1]] < row.Probabilities[best] {
		return row, fmt.Errorf("%s: %q is not the class of largest probability, which is %q", in.Where(2), record[2],
			classes[best])
	}
	return row, nil
}
