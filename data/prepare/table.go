package prepare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"fovea/internal/table"
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

// readTable returns the named columns of a table. It leaves out rows without a cell in them.
func readTable(f *file, columns ...string) ([]row, error) {
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	find := func(header []string) (at []int, missing string) {
		for _, column := range columns {
			i := slices.IndexFunc(header, func(h string) bool { return plain(h) == plain(column) })
			if at = append(at, i); i < 0 {
				missing = column
			}
		}
		return at, missing
	}
	in, err := table.NewReader(bytes.NewReader(content), table.Options{Lenient: true, Fits: func(header []string) bool {
		_, missing := find(header)
		return missing == ""
	}})
	switch {
	case errors.Is(err, table.ErrEmpty):
		return nil, fmt.Errorf("%s is empty: get it again", f.path)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", f.path, err)
	}
	at, missing := find(in.Header)
	if missing != "" {
		return nil, fmt.Errorf("%s has no column %q but %.300q: is it the official table?", f.path, missing, in.Header)
	}
	var rows []row
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.path, err)
		}
		if row, ok := pick(record, at); ok {
			row.where = path.Base(f.path) + ":" + strings.TrimPrefix(in.Place(), "line ")
			rows = append(rows, row)
		}
	}
}

// readRows returns the rows of a workbook whose header has several rows.
func readRows(f *file) ([][]string, error) {
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(content, []byte("PK")) {
		return nil, fmt.Errorf("%s is not an xlsx workbook: get it again", f.path)
	}
	rows, err := table.Rows(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return rows, nil
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
