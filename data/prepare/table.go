package prepare

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// A row holds the cells of a table's row in the columns that were asked for.
type row struct {
	where string // table and line, for messages
	cells []string
}

var errNoTable = errors.New("no table")

// table returns the only table whose plain name contains name. Copies of it elsewhere in the source do not count.
// official is its full name, for messages. The error wraps errNoTable if there is none.
func (s *source) table(name, official string) (*file, error) {
	var found *file
	for _, f := range s.tables {
		switch {
		case !strings.Contains(plain(f.base()), name):
		case found == nil:
			found = f
		case f.size != found.size:
			return nil, fmt.Errorf("two tables could be %s: %s and %s; leave one in %s", official, found.path, f.path, s.path)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w %s in %s: it belongs to the labels; download it too and put it there",
			errNoTable, official, s.path)
	}
	return found, nil
}

// readCSV returns the named columns of a table whose separator is a comma, semicolon or tab. It leaves out rows without
// a cell in them.
func readCSV(f *file, columns ...string) ([]row, error) {
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	heading, _, _ := bytes.Cut(content, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(content))
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	for _, separator := range ";\t" {
		if bytes.ContainsRune(heading, separator) {
			r.Comma = separator
		}
	}
	var at []int
	var rows []row
	for {
		record, err := r.Read()
		switch {
		case err == io.EOF && at != nil:
			return rows, nil
		case err == io.EOF:
			return nil, fmt.Errorf("%s is empty: get it again", f.path)
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", f.path, err)
		}
		if at == nil {
			if at, err = findColumns(f.path, record, columns); err != nil {
				return nil, err
			}
			continue
		}
		line, _ := r.FieldPos(0)
		if row, ok := pick(record, at); ok {
			row.where = fmt.Sprintf("%s:%d", path.Base(f.path), line)
			rows = append(rows, row)
		}
	}
}

// findColumns returns the indices of columns in the heading of the table called name.
func findColumns(name string, heading, columns []string) ([]int, error) {
	var at []int
	for _, column := range columns {
		i := slices.IndexFunc(heading, func(h string) bool { return plain(h) == plain(column) })
		if i < 0 {
			return nil, fmt.Errorf("%s has no column %q but %q: is it the official table?", name, column, heading)
		}
		at = append(at, i)
	}
	return at, nil
}

// pick returns the cells at some columns, and reports whether any of them is not empty.
func pick(record []string, at []int) (r row, ok bool) {
	for _, i := range at {
		cell := ""
		if i < len(record) {
			cell = strings.TrimSpace(record[i])
		}
		ok = ok || cell != ""
		r.cells = append(r.cells, cell)
	}
	return r, ok
}
