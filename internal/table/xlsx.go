package table

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Limits on a workbook. A small archive may unpack to much more.
const (
	maxColumns  = 1 << 14 // of a sheet
	maxCells    = 1 << 26 // of a sheet, with the empty ones before others
	maxWorkbook = 1 << 28 // bytes
	maxStrings  = 1 << 26 // bytes of all texts, unpacked
	maxSheet    = 1 << 27 // bytes, unpacked
)

const (
	stringsPart = "xl/sharedStrings.xml"
	firstSheet  = "xl/worksheets/sheet1.xml"
)

// A sheet reads the cells of a sheet of a workbook, as ECMA-376 stores them: numbers as text, formulas as their values.
type sheet struct {
	name   string
	shared []richText
	rows   *xml.Decoder
	number int // of the row read last
	cells  []string
	total  int // cells read
}

// openSheet opens the visible sheet whose first row fits, or the first visible one that is not empty.
func openSheet(r io.Reader, fits func([]string) bool) (source, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxWorkbook))
	if err != nil {
		return nil, err
	}
	book, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("the file is not an xlsx workbook (%w): get it again", err)
	}
	var shared struct {
		Items []richText `xml:"si"`
	}
	if err := decodePart(book, stringsPart, &shared); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sheets, err := visibleSheets(book)
	if err != nil {
		return nil, err
	}
	var found, filled, fitting []sheetName
	for _, s := range sheets {
		in, err := openPart(book, s, shared.Items)
		if err != nil {
			return nil, err
		}
		header, err := in.read()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err == nil {
			filled = append(filled, s)
		}
		if err == nil && fits != nil && fits(trimmed(header)) {
			fitting = append(fitting, s)
		}
	}
	if found = append(append(fitting, filled...), sheets...); len(fitting) > 1 {
		return nil, fmt.Errorf("the sheets %.50q and %.50q both have the columns of the table: keep one in the workbook",
			found[0].Name, found[1].Name)
	}
	return openPart(book, found[0], shared.Items)
}

type sheetName struct {
	Name  string `xml:"name,attr"`
	State string `xml:"state,attr"`
	ID    string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
	part  string
}

// visibleSheets lists the sheets of a workbook that its list of parts names, in their order. A workbook without a list
// has one.
func visibleSheets(book *zip.Reader) ([]sheetName, error) {
	var list struct {
		Sheets []sheetName `xml:"sheets>sheet"`
	}
	var parts struct {
		Items []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	for name, into := range map[string]any{"xl/workbook.xml": &list, "xl/_rels/workbook.xml.rels": &parts} {
		if err := decodePart(book, name, into); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	var out []sheetName
	for _, s := range list.Sheets {
		for _, p := range parts.Items {
			target := p.Target
			if !path.IsAbs(target) {
				target = path.Join("/xl", target)
			}
			s.part = strings.TrimPrefix(target, "/")
			if p.ID == s.ID && s.State != "hidden" && s.State != "veryHidden" && strings.Contains(target, "/worksheets/") {
				out = append(out, s)
			}
		}
	}
	if out == nil {
		out = []sheetName{{Name: "Sheet1", part: firstSheet}}
	}
	return out, nil
}

func openPart(book *zip.Reader, s sheetName, shared []richText) (*sheet, error) {
	part, err := book.Open(s.part)
	if err != nil {
		return nil, fmt.Errorf("no %.100s in the workbook: %w", s.part, fs.ErrNotExist)
	}
	return &sheet{name: s.part, shared: shared, rows: xml.NewDecoder(io.LimitReader(part, maxSheet))}, nil
}

// decodePart decodes a part of a workbook.
func decodePart(book *zip.Reader, name string, into any) error {
	part, err := book.Open(name)
	if err != nil {
		return fmt.Errorf("no %s in the workbook: %w", name, fs.ErrNotExist)
	}
	defer part.Close()
	if err := xml.NewDecoder(io.LimitReader(part, maxStrings)).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// A richText is a text, either whole or in runs with formats of their own.
type richText struct {
	Text string   `xml:"t"`
	Runs []string `xml:"r>t"`
}

func (t richText) String() string { return t.Text + strings.Join(t.Runs, "") }

func (s *sheet) place(int) string { return fmt.Sprintf("row %d", s.number) }
func (s *sheet) ragged() bool     { return true }
func (s *sheet) comma() rune      { return ';' } // numbers have a point; one that is a text may have a comma

func (s *sheet) read() ([]string, error) {
	for {
		token, err := s.rows.Token()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("%.100s: %w", s.name, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "row" {
			continue
		}
		row, err := s.decode(start)
		if err != nil {
			return nil, fmt.Errorf("%.100s: %w", s.name, err)
		}
		if !blank(row) {
			return row, nil
		}
	}
}

// decode returns the cells of a row, up to the last that the file has.
func (s *sheet) decode(start xml.StartElement) ([]string, error) {
	var row struct {
		Number int `xml:"r,attr"`
		Cells  []struct {
			Ref    string   `xml:"r,attr"`
			Type   string   `xml:"t,attr"`
			Value  string   `xml:"v"`
			Inline richText `xml:"is"`
		} `xml:"c"`
	}
	if err := s.rows.DecodeElement(&row, &start); err != nil {
		return nil, err
	}
	if s.number++; row.Number > 0 {
		s.number = row.Number
	}
	s.cells = s.cells[:0]
	for _, c := range row.Cells {
		column, err := columnOf(c.Ref, len(s.cells))
		if err != nil {
			return nil, err
		}
		for len(s.cells) <= column {
			s.cells = append(s.cells, "")
		}
		switch c.Type {
		case "s":
			i, err := strconv.Atoi(c.Value)
			if err != nil || i < 0 || i >= len(s.shared) {
				return nil, fmt.Errorf("the cell %.20s has no text %.20q: get the workbook again", c.Ref, c.Value)
			}
			s.cells[column] = s.shared[i].String()
		case "inlineStr":
			s.cells[column] = c.Inline.String()
		case "b":
			s.cells[column] = map[string]string{"0": "FALSE", "1": "TRUE"}[c.Value]
		default:
			s.cells[column] = c.Value
		}
	}
	if s.total += len(s.cells); s.total > maxCells {
		return nil, fmt.Errorf("the sheet has more than %d cells: save it as CSV", maxCells)
	}
	return s.cells, nil
}

// columnOf returns the index of a cell's column from its reference: 27 for AB3. A cell without a reference is the next
// one.
func columnOf(ref string, next int) (int, error) {
	column := 0
	for _, r := range strings.TrimRight(ref, "0123456789") {
		if r < 'A' || r > 'Z' || column > maxColumns {
			return 0, fmt.Errorf("%.20q names no cell", ref)
		}
		column = 26*column + int(r-'A') + 1
	}
	switch {
	case ref == "" && next < maxColumns:
		return next, nil
	case column == 0 || column > maxColumns:
		return 0, fmt.Errorf("%.20q names no cell", ref)
	}
	return column - 1, nil
}
