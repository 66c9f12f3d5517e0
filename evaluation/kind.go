package evaluation

import (
	"io"

	"fovea/internal/table"
)

// A TableKind says which kind of table a CSV file holds, judged by its header.
type TableKind int

const (
	UnknownTable    TableKind = iota
	PredictionTable           // for [ReadTable]
	MetricTable               // for [ReadMetricRow]
)

// KindOfTable looks at the header: predictions have a column of labels, and a row of metrics has a metric and none.
func KindOfTable(r io.Reader) (TableKind, error) {
	in, err := table.NewReader(r, table.Options{Fits: func(header []string) bool {
		return table.Column(header, table.Labels) >= 0 || hasMetric(header)
	}})
	switch {
	case err != nil:
		return UnknownTable, err
	case table.Column(in.Header, table.Labels) >= 0:
		return PredictionTable, nil
	case hasMetric(in.Header):
		return MetricTable, nil
	}
	return UnknownTable, nil
}
