package prepare

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// readXLSX returns the cells of the first sheet of a workbook by row and column, as ECMA-376 stores them: numbers as
// text, formulas as their values. Rows without a cell are left out.
func readXLSX(f *file) ([][]string, error) {
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	book, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("%s is not an xlsx workbook (%w): get it again", f.path, err)
	}
	var shared struct {
		Items []richText `xml:"si"`
	}
	if err := decodePart(book, "xl/sharedStrings.xml", &shared); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	var sheet struct {
		Rows []struct {
			Cells []struct {
				Ref    string   `xml:"r,attr"`
				Type   string   `xml:"t,attr"`
				Value  string   `xml:"v"`
				Inline richText `xml:"is"`
			} `xml:"c"`
		} `xml:"sheetData>row"`
	}
	if err := decodePart(book, "xl/worksheets/sheet1.xml", &sheet); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	var rows [][]string
	for _, r := range sheet.Rows {
		var cells []string
		for _, c := range r.Cells {
			column, err := columnOf(c.Ref, len(cells))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.path, err)
			}
			for len(cells) <= column {
				cells = append(cells, "")
			}
			value := c.Value
			switch c.Type {
			case "s":
				i, err := strconv.Atoi(value)
				if err != nil || i < 0 || i >= len(shared.Items) {
					return nil, fmt.Errorf("%s: the cell %s has no text %q: get the workbook again", f.path, c.Ref, value)
				}
				value = shared.Items[i].String()
			case "inlineStr":
				value = c.Inline.String()
			}
			cells[column] = strings.TrimSpace(value)
		}
		rows = append(rows, cells)
	}
	return rows, nil
}

// maxColumns is the number of columns that a sheet can have.
const maxColumns = 1 << 14

// A richText is a text, either whole or in runs with formats of their own.
type richText struct {
	Text string   `xml:"t"`
	Runs []string `xml:"r>t"`
}

func (t richText) String() string { return t.Text + strings.Join(t.Runs, "") }

// decodePart decodes a part of a workbook. Shared strings may be missing; another part may not.
func decodePart(book *zip.Reader, name string, into any) error {
	part, err := book.Open(name)
	if err != nil {
		if name == "xl/sharedStrings.xml" {
			return nil
		}
		return fmt.Errorf("no %s in the workbook: %w", name, fs.ErrNotExist)
	}
	defer part.Close()
	if err := xml.NewDecoder(io.LimitReader(part, maxFile)).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// columnOf returns the index of a cell's column from its reference: 27 for AB3. A cell without a reference is the next
// one.
func columnOf(ref string, next int) (int, error) {
	if ref == "" {
		return next, nil
	}
	column := 0
	for _, r := range strings.TrimRight(ref, "0123456789") {
		if r < 'A' || r > 'Z' || column > maxColumns {
			return 0, fmt.Errorf("%q names no cell", ref)
		}
		column = 26*column + int(r-'A') + 1
	}
	if column == 0 || column > maxColumns {
		return 0, fmt.Errorf("%q names no cell", ref)
	}
	return column - 1, nil
}
