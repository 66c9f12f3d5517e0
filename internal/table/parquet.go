package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// A parquetSource reads the rows of a Parquet file whose columns are plain values, behind a row of their names.
type parquetSource struct {
	columns []string
	kept    []*parquet.Column
	groups  []parquet.RowGroup
	rows    parquet.Rows
	buffer  []parquet.Row
	ready   []parquet.Row
	cells   []string
	number  int // of the row read last, from 0 for the header
}

// pandasIndex matches the columns in which pandas keeps the names of rows.
var pandasIndex = regexp.MustCompile(`^__index_level_\d+__$`)

// openParquet opens a file. Columns of lists and structures, such as boxes in an image, are left out, unless the header
// does not fit without them.
func openParquet(r io.Reader, fits func([]string) bool) (source, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxWorkbook+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxWorkbook {
		return nil, fmt.Errorf("the Parquet file has more than %d bytes: save it as CSV", maxWorkbook)
	}
	file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)), parquet.SkipBloomFilters(true),
		parquet.SkipPageIndex(true))
	if err != nil {
		return nil, fmt.Errorf("the Parquet file is damaged (%.200v): get it again", err)
	}
	s := &parquetSource{groups: file.RowGroups(), number: -1, buffer: make([]parquet.Row, 64)}
	nested := ""
	for _, column := range file.Root().Columns() {
		switch {
		case !column.Leaf() || column.Repeated():
			nested = column.Name()
		case !pandasIndex.MatchString(column.Name()):
			s.columns, s.kept = append(s.columns, column.Name()), append(s.kept, column)
		}
	}
	if nested != "" && fits != nil && !fits(trimmed(s.columns)) {
		return nil, fmt.Errorf("the column %.100q holds lists or structures: save the table as CSV", nested)
	}
	return s, nil
}

func (s *parquetSource) place(int) string { return fmt.Sprintf("row %d", s.number) }
func (s *parquetSource) ragged() bool     { return true }
func (s *parquetSource) comma() rune      { return ';' } // numbers have a point

func (s *parquetSource) read() (row []string, err error) {
	defer func() { // the library panics over some damaged pages
		if r := recover(); r != nil {
			err = fmt.Errorf("row %d: the Parquet file is damaged (%.200v): get it again", s.number, r)
		}
	}()
	if s.number++; s.number == 0 {
		return s.columns, nil
	}
	for len(s.ready) == 0 {
		if s.rows == nil {
			if len(s.groups) == 0 {
				return nil, io.EOF
			}
			s.rows, s.groups = s.groups[0].Rows(), s.groups[1:]
		}
		n, err := s.rows.ReadRows(s.buffer)
		s.ready = s.buffer[:n]
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("row %d: the Parquet file is damaged (%.200v): get it again", s.number, err)
		}
		if err != nil {
			s.rows = nil
		}
	}
	values := s.ready[0]
	s.ready = s.ready[1:]
	s.cells = s.cells[:0]
	for _, column := range s.kept {
		at := slices.IndexFunc(values, func(v parquet.Value) bool { return v.Column() == column.Index() })
		if at < 0 {
			return nil, fmt.Errorf("row %d: the column %.100q is missing: the Parquet file is damaged, get it again", s.number,
				column.Name())
		}
		s.cells = append(s.cells, cellOf(values[at], column.Type().LogicalType()))
	}
	return s.cells, nil
}

// cellOf returns a value as a CSV file would have it: dates as 2006-01-02, and numbers in decimals up to 10¹⁵.
func cellOf(v parquet.Value, of *format.LogicalType) string {
	if v.IsNull() {
		return ""
	}
	if of != nil {
		switch of := of.Value.(type) {
		case *format.DateType:
			return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly)
		case *format.TimestampType:
			if of.Unit.Value != nil && v.Kind() == parquet.Int64 {
				return timeOf(v.Int64(), of.Unit.Value.Duration())
			}
		case *format.DecimalType:
			return decimalOf(v, of.Scale)
		}
	}
	switch v.Kind() {
	case parquet.Double:
		return formatFloat(v.Double(), 64)
	case parquet.Float:
		return formatFloat(float64(v.Float()), 32)
	}
	return v.String()
}

// formatFloat writes a number with an exponent where Python does, so that 1234567 stays a number of a patient.
func formatFloat(v float64, bits int) string {
	if a := math.Abs(v); a >= 1e-4 && a < 1e16 {
		return strconv.FormatFloat(v, 'f', -1, bits)
	}
	return strconv.FormatFloat(v, 'g', -1, bits)
}

// timeOf returns a moment, without the time of the day at midnight.
func timeOf(n int64, unit time.Duration) string {
	perSecond := int64(time.Second / unit)
	t := time.Unix(n/perSecond, n%perSecond*int64(unit)).UTC()
	if t.Truncate(24 * time.Hour).Equal(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04:05.999999999")
}

// decimalOf returns a decimal number, which is stored as an integer: of bytes the highest first, in two's complement.
func decimalOf(v parquet.Value, scale int32) string {
	n := new(big.Int)
	switch v.Kind() {
	case parquet.Int32:
		n.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		n.SetInt64(v.Int64())
	default:
		bytes := v.ByteArray()
		if n.SetBytes(bytes); len(bytes) > 0 && bytes[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(bytes))))
		}
	}
	if scale <= 0 || scale > 100 {
		return n.String()
	}
	return new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(int(scale))
}
