package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// A parquetSource reads the rows of a Parquet file whose columns are plain values, behind a row of their names.
type parquetSource struct {
	columns []string
	kept    []int // columns that are no index of pandas
	groups  []parquet.RowGroup
	rows    parquet.Rows
	buffer  []parquet.Row
	ready   []parquet.Row
	cells   []string
	number  int // of the row read last, from 0 for the header
}

// pandasIndex matches the columns in which pandas keeps the names of rows.
var pandasIndex = regexp.MustCompile(`^__index_level_\d+__$`)

func openParquet(r io.Reader) (source, error) {
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
	for i, column := range file.Root().Columns() {
		if !column.Leaf() || column.Repeated() {
			return nil, fmt.Errorf("the column %.100q holds lists or structures: save the table as CSV", column.Name())
		}
		if !pandasIndex.MatchString(column.Name()) {
			s.columns, s.kept = append(s.columns, column.Name()), append(s.kept, i)
		}
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
	for _, i := range s.kept {
		s.cells = append(s.cells, cellOf(values[i]))
	}
	return s.cells, nil
}

// cellOf returns a value as a CSV file would have it.
func cellOf(v parquet.Value) string {
	switch {
	case v.IsNull():
		return ""
	case v.Kind() == parquet.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case v.Kind() == parquet.Float:
		return strconv.FormatFloat(float64(v.Float()), 'g', -1, 32)
	}
	return v.String()
}
