package evaluation

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

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
	record := slices.Concat([]string{"path", "label", "predicted"}, p.Classes)
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

// newReader reads CSV, past the byte order mark that spreadsheets put in front.
func newReader(r io.Reader) *csv.Reader {
	in := bufio.NewReader(r)
	const mark = "\ufeff"
	if head, err := in.Peek(len(mark)); err == nil && string(head) == mark {
		in.Discard(len(mark))
	}
	return csv.NewReader(in)
}

// records yields the lines below the header, up to the first error.
func records(in *csv.Reader) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for {
			record, err := in.Read()
			if err == io.EOF || !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// readHeader reads the first line. An empty file is an error.
func readHeader(in *csv.Reader) ([]string, error) {
	header, err := in.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty")
	}
	return header, err
}
