package table

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"fovea/internal/zipfile"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Limits on a workbook. A small archive may unpack to much more.
const (
	maxColumns   = 1 << 14 // of a sheet
	maxCells     = 1 << 26 // of a sheet, with the empty ones before others
	maxWorkbook  = 1 << 28 // bytes
	maxDirectory = 1 << 20 // bytes of the list of its parts
	maxSheets    = 1000
	maxStrings   = 1 << 25 // bytes of all texts, unpacked
	maxSheet     = 1 << 26 // bytes, unpacked
	maxDepth     = 100     // of elements in one another
)

const (
	stringsPart = "xl/sharedStrings.xml"
	firstSheet  = "xl/worksheets/sheet1.xml"
)

// A sheet reads the cells of a sheet of a workbook, as ECMA-376 stores them: numbers as text, formulas as their values.
type sheet struct {
	name   string
	shared []richText
	xml    *xml.Decoder
	number int // of the row read last
	cells  []string
	total  int                  // cells read
	merged map[int][]mergedCell // by their first row
	active []mergedCell         // that reach into the row read last
}

// A mergedCell covers several rows of a column.
type mergedCell struct {
	column, last int // the last row
	value        string
}

// openSheet opens the visible sheet whose first row fits, or the first visible one that is not empty.
func openSheet(r io.Reader, fits func([]string) bool) (source, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxWorkbook+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxWorkbook {
		return nil, fmt.Errorf("the workbook has more than %d bytes: save its sheet as CSV", maxWorkbook)
	}
	book, err := zipfile.NewReader(bytes.NewReader(content), int64(len(content)), maxDirectory)
	if err != nil {
		return nil, fmt.Errorf("the file is not an xlsx workbook (%w): get it again", err)
	}
	shared, err := decodeAll[richText](book, stringsPart, "si", maxStrings)
	if err != nil {
		return nil, err
	}
	sheets, err := visibleSheets(book)
	if err != nil {
		return nil, err
	}
	if len(sheets) > maxSheets {
		return nil, fmt.Errorf("the workbook has %d visible sheets: save the one that is meant as CSV", len(sheets))
	}
	var found, filled, fitting []sheetName
	budget := maxSheet // for all headers
	for _, s := range sheets {
		in, err := openPart(book, s, shared, &budget)
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
	budget = maxSheet
	in, err := openPart(book, found[0], shared, &budget)
	if err == nil {
		in.merged, err = mergedCells(book, found[0])
	}
	return in, err
}

// mergedCells returns the merged cells of a sheet that cover several rows, by their first row. The value stands in the
// first cell alone, but is that of all rows: a patient's name beside the rows of two eyes.
func mergedCells(book *zip.Reader, s sheetName) (map[int][]mergedCell, error) {
	list, err := decodeAll[struct {
		Ref string `xml:"ref,attr"`
	}](book, s.part, "mergeCell", maxSheet)
	merged := map[int][]mergedCell{}
	for _, m := range list {
		from, to, _ := strings.Cut(m.Ref, ":")
		column, err := columnOf(from, 0)
		first, last := rowOf(from), rowOf(to)
		if err == nil && 0 < first && first < last {
			merged[first] = append(merged[first], mergedCell{column: column, last: last})
		}
	}
	return merged, err
}

// rowOf returns the row of a cell's reference: 3 for AB3, 0 where there is none.
func rowOf(ref string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(ref, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	return n
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
	list, err := decodeAll[sheetName](book, "xl/workbook.xml", "sheet", maxStrings)
	if err != nil {
		return nil, err
	}
	parts, err := decodeAll[struct {
		ID     string `xml:"Id,attr"`
		Target string `xml:"Target,attr"`
	}](book, "xl/_rels/workbook.xml.rels", "Relationship", maxStrings)
	if err != nil {
		return nil, err
	}
	targets := map[string]string{} // by ID
	for _, p := range parts {
		targets[p.ID] = p.Target
	}
	var out []sheetName
	for _, s := range list {
		target := targets[s.ID]
		if !path.IsAbs(target) {
			target = path.Join("/xl", target)
		}
		s.part = strings.TrimPrefix(target, "/")
		if s.State != "hidden" && s.State != "veryHidden" && strings.Contains(target, "/worksheets/") {
			out = append(out, s)
		}
	}
	if out == nil {
		out = []sheetName{{Name: "Sheet1", part: firstSheet}}
	}
	return out, nil
}

func openPart(book *zip.Reader, s sheetName, shared []richText, budget *int) (*sheet, error) {
	in, err := openXML(book, s.part, budget)
	return &sheet{name: s.part, shared: shared, xml: in}, err
}

// openXML opens a part of a workbook whose elements have a limited size and depth. What is read of it is taken off the
// budget, in bytes.
func openXML(book *zip.Reader, name string, budget *int) (*xml.Decoder, error) {
	part, err := book.Open(name)
	if err != nil {
		return nil, fmt.Errorf("no %.100s in the workbook: %w", name, fs.ErrNotExist)
	}
	in := &limited{r: part, total: budget}
	return xml.NewTokenDecoder(&tokens{xml.NewDecoder(in), in, 0}), nil
}

type tokens struct {
	*xml.Decoder
	in    *limited
	depth int
}

func (t *tokens) Token() (xml.Token, error) {
	t.in.row = 0
	token, err := t.Decoder.Token()
	switch token.(type) {
	case xml.StartElement:
		t.depth++
	case xml.EndElement:
		t.depth--
	}
	if t.depth > maxDepth {
		return nil, fmt.Errorf("elements stand more than %d deep in one another", maxDepth)
	}
	return token, err
}

// decodeAll decodes all elements of a name in a part of a workbook, which has a limited size in bytes. A workbook without
// the part has none.
func decodeAll[T any](book *zip.Reader, part, name string, budget int) ([]T, error) {
	in, err := openXML(book, part, &budget)
	if err != nil {
		return nil, nil
	}
	var out []T
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == name {
			var item T
			err = in.DecodeElement(&item, &start)
			out = append(out, item)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part, err)
		}
	}
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
	row, err := s.readRow()
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%.100s: %w", s.name, err)
	}
	return row, err
}

// readRow returns the next row that is not empty, up to its last cell.
func (s *sheet) readRow() ([]string, error) {
	for {
		token, err := s.xml.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.EndElement:
			if token.Name.Local == "row" && !blank(s.cells) {
				s.fillMerged()
				return s.cells, nil
			}
		case xml.StartElement:
			switch token.Name.Local {
			case "row":
				s.number, s.cells = s.number+1, s.cells[:0]
				for _, a := range token.Attr {
					if n, err := strconv.Atoi(a.Value); err == nil && a.Name.Local == "r" {
						s.number = n
					}
				}
			case "c":
				if err := s.readCell(token); err != nil {
					return nil, err
				}
			}
		}
	}
}

// fillMerged writes the values of merged cells into the row that was read.
func (s *sheet) fillMerged() {
	s.active = slices.DeleteFunc(s.active, func(m mergedCell) bool { return m.last < s.number })
	s.total += len(s.active)
	for _, m := range s.active {
		for len(s.cells) <= m.column {
			s.cells = append(s.cells, "")
		}
		s.cells[m.column] = m.value
	}
	for _, m := range s.merged[s.number] {
		if m.column < len(s.cells) {
			m.value = s.cells[m.column]
			s.active = append(s.active, m)
		}
	}
}

func (s *sheet) readCell(start xml.StartElement) error {
	var c struct {
		Ref    string   `xml:"r,attr"`
		Type   string   `xml:"t,attr"`
		Value  string   `xml:"v"`
		Inline richText `xml:"is"`
	}
	if err := s.xml.DecodeElement(&c, &start); err != nil {
		return err
	}
	column, err := columnOf(c.Ref, len(s.cells))
	if err != nil {
		return err
	}
	for len(s.cells) <= column {
		s.cells = append(s.cells, "")
		s.total++
	}
	if s.total > maxCells {
		return fmt.Errorf("the sheet has more than %d cells: save it as CSV", maxCells)
	}
	switch c.Type {
	case "s":
		i, err := strconv.Atoi(c.Value)
		if err != nil || i < 0 || i >= len(s.shared) {
			return fmt.Errorf("the cell %.20s has no text %.20q: get the workbook again", c.Ref, c.Value)
		}
		s.cells[column] = s.shared[i].String()
	case "inlineStr":
		s.cells[column] = c.Inline.String()
	case "b":
		s.cells[column] = map[string]string{"0": "FALSE", "1": "TRUE"}[c.Value]
	default:
		s.cells[column] = c.Value
	}
	return nil
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
