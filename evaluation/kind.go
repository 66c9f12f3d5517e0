package evaluation

import (
	"bytes"
	"slices"
)

// A TableKind says which kind of table a CSV file holds, judged by its header.
type TableKind int

const (
	UnknownTable    TableKind = iota
	PredictionTable           // for [ReadTable]
	MetricTable               // for [ReadMetricRow]
)

// KindOfTable looks at the first line: predictions have a column of labels, and a row of metrics has a metric and none.
func KindOfTable(content []byte) TableKind {
	header, err := newReader(bytes.NewReader(content)).Read()
	switch {
	case err != nil:
		return UnknownTable
	case columnOf(header, labelColumns) >= 0:
		return PredictionTable
	case slices.ContainsFunc(header, isMetric):
		return MetricTable
	}
	return UnknownTable
}
