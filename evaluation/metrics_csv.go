package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/table"
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
	names := columnNames()
	own := func(header []string) bool { return slices.Equal(header, names) }
	in, err := table.NewReader(r, table.Options{Fits: own})
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if !own(in.Header) {
		return nil, fmt.Errorf("metrics: line 1: the header is %.300q, want %q",
			strings.Join(in.Header, ","), strings.Join(names, ","))
	}
	var rows []Metrics
	for {
		record, err := in.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		var m Metrics
		for i, c := range columns {
			v, err := in.Number(record[i])
			if err != nil {
				return nil, fmt.Errorf("metrics: %s: %w", in.Where(i), err)
			}
			*c.field(&m) = v
		}
		rows = append(rows, m)
	}
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
