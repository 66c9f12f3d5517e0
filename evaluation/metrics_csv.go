package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// WriteMetrics writes a header and one line a row, as metrics_val.csv (a row an epoch) and metrics_test.csv hold them.
// The first ten columns are those of RETFound's files. Numbers are the shortest that read back as the same float64.
func WriteMetrics(w io.Writer, rows []Metrics) error {
	out := csv.NewWriter(w)
	record := columnNames()
	out.Write(record) // the writer keeps its first error for Error below
	for _, m := range rows {
		record = record[:0]
		for _, v := range m.All() {
			record = append(record, formatFloat(v))
		}
		out.Write(record)
	}
	out.Flush()
	return out.Error()
}

// ReadMetrics reads what [WriteMetrics] wrote. Errors name line and column.
func ReadMetrics(r io.Reader) ([]Metrics, error) {
	in := newReader(r)
	header, err := readHeader(in)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if names := columnNames(); !slices.Equal(header, names) {
		return nil, fmt.Errorf("metrics: line 1: the header is %q, want %q",
			strings.Join(header, ","), strings.Join(names, ","))
	}
	var rows []Metrics
	for record, err := range records(in) {
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		var m Metrics
		for i, c := range columns {
			v, err := strconv.ParseFloat(record[i], 64)
			if err != nil {
				return nil, fmt.Errorf("metrics: %s: %q is not a number", cellName(in, i, c.name), record[i])
			}
			*c.field(&m) = v
		}
		rows = append(rows, m)
	}
	return rows, nil
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// cellName returns line, column and name of field i of the record that in read last.
func cellName(in *csv.Reader, i int, name string) string {
	line, _ := in.FieldPos(i)
	return fmt.Sprintf("line %d, column %d (%s)", line, i+1, name)
}
