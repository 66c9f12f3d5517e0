// Package table reads the tables that people and their programs write: CSV files as pandas, R, Excel and Fovea write
// them, workbooks (.xlsx) and Parquet files. Where a file has two meanings, it returns an error that names both.
package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/textfile"
)

// Columns of anybody's tables, in any case of letters.
var (
	Paths  = []string{"path", "image", "image_path", "file", "filename", "name"}
	Labels = []string{"label", "true", "target", "y_true"}
)

// Attributes lists what tables tell of an image beside its label: the name by which Fovea calls it, then the other names
// that its column may have, in any case of letters.
var Attributes = [][]string{
	{"patient", "patient_id", "patientid", "patient id", "pat_id", "pid", "subject", "subject_id", "subject id",
		"participant", "participant_id", "participant id", "mrn"},
	{"eye", "laterality", "auge", "od/os", "od_os"},
	{"site", "center", "centre", "hospital", "clinic", "institution"},
	{"camera", "device", "scanner", "manufacturer", "kamera"},
	{"sex", "gender", "geschlecht"},
	{"age", "alter", "age_at_visit", "age at visit", "age_years", "age (years)"},
}

// Options configures [NewReader].
type Options struct {
	// Fits reports whether a header has the columns of the table. It decides between separators; nil accepts any.
	Fits func(header []string) bool

	Lenient bool // accept rows with too few cells, and quotation marks inside a cell
}

// A Reader reads a table: a CSV file, or a workbook's first sheet. Columns may be separated by commas, semicolons, tabs,
// vertical bars or spaces; the header tells which. A first line such as "sep=;" tells it too. Lines in front of the
// header that begin with # are skipped, and so are empty rows, and empty columns at the right. The escapes of [Escape]
// are taken off. A first column of row names, which has no name or pandas' "Unnamed: 0", is not among the columns.
type Reader struct {
	Header  []string // names of the columns, without spaces around them
	Exact   []string // names of the columns as they are written
	RowName string   // of the row read last, "" if the table has none

	in       source
	lenient  bool
	names    int      // columns of row names
	counted  bool     // the header has no cell for the row names, which count from 1
	row      int      // rows read
	first    []string // read ahead
	decimals rune     // the mark of numbers so far: '.', ',' or 0
}

// A source returns rows of cells, which are valid until the next call.
type source interface {
	read() ([]string, error)
	place(cell int) string // of the row read last
	ragged() bool          // rows lack empty cells at their end
	comma() rune
}

// ErrEmpty says that a file has no header.
var ErrEmpty = errors.New("the file is empty")

// NewReader reads the header of a table.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	in, err := open(r, &o)
	if err != nil {
		return nil, err
	}
	t := &Reader{in: in, lenient: o.Lenient || in.ragged()}
	var header []string
	for blank(header) {
		if header, err = in.read(); errors.Is(err, io.EOF) {
			return nil, ErrEmpty
		}
		if err != nil {
			return nil, err
		}
	}
	t.Exact = slices.Clone(header)
	for len(t.Exact) > 0 && strings.TrimSpace(t.Exact[len(t.Exact)-1]) == "" {
		t.Exact = t.Exact[:len(t.Exact)-1]
	}
	for len(t.Exact) > 1 && rowNames.MatchString(strings.TrimSpace(t.Exact[0])) {
		t.Exact, t.names = t.Exact[1:], t.names+1
	}
	t.Header = trimmed(t.Exact)
	return t, t.readFirst(len(header))
}

// rowNames matches the header of a column of row names: R writes none, pandas too, and "Unnamed: 0" the second time.
var rowNames = regexp.MustCompile(`^(Unnamed: \d+(\.\d+)*)?$`)

// readFirst looks whether R wrote row names without a header for them: rows then have one cell more than the header.
func (t *Reader) readFirst(width int) error {
	row, err := t.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	t.first = row
	if len(row) != width+1 || width != len(t.Header) || t.in.ragged() || strings.TrimSpace(row[0]) != "1" {
		return nil
	}
	if strings.TrimSpace(row[width]) == "" {
		return fmt.Errorf("%s: the row has one cell more than the header: either 1 is the name of the row, as R writes it, "+
			"or the last cell is one too many; write a header for each column", t.in.place(0))
	}
	t.names, t.counted = 1, true
	return nil
}

// next returns the next row that is not empty.
func (t *Reader) next() ([]string, error) {
	for {
		if row, err := t.in.read(); err != nil || !blank(row) {
			return row, err
		}
	}
}

func trimmed(cells []string) []string {
	out := make([]string, len(cells))
	for i, cell := range cells {
		out[i] = strings.TrimSpace(cell)
	}
	return out
}

func blank(row []string) bool {
	return !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// Read returns the cells of the next row, one for each column of the header, as they are written. They are valid until
// the next call. The error is io.EOF behind the last row. A row of another length is an error, and so is a cell in a
// column without a name.
func (t *Reader) Read() ([]string, error) {
	row := t.first
	t.first = nil
	for row == nil || blank(row[min(t.names, len(row)):]) { // pandas numbers empty rows too
		var err error
		if row, err = t.next(); err != nil {
			return nil, err
		}
	}
	t.row++
	width := t.names + len(t.Header)
	if len(row) < width && !t.lenient || len(row) > width && !blank(row[width:]) {
		return nil, fmt.Errorf("record on %s: wrong number of fields: %d, but the header has %d", t.in.place(0), len(row),
			width)
	}
	if t.counted && row[0] != strconv.Itoa(t.row) {
		return nil, fmt.Errorf("%s: the rows have one cell more than the header, but the first cells are no row names, "+
			"which count from 1: %.100q; write a header for each column", t.in.place(0), row[0])
	}
	for len(row) < width {
		row = append(row, "")
	}
	t.RowName = strings.Join(row[:t.names], " ")
	row = row[t.names:width]
	for i, name := range t.Header {
		if name == "" && strings.TrimSpace(row[i]) != "" {
			return nil, fmt.Errorf("%s: the column has no name, but the cell holds %.100q: name it or remove it",
				t.Where(i), row[i])
		}
	}
	return row, nil
}

// Place returns the line of the row that was read last, for messages.
func (t *Reader) Place() string { return t.in.place(0) }

// Where returns line, column and name of a cell of the row that was read last, for messages.
func (t *Reader) Where(column int) string {
	at := t.names + column
	return fmt.Sprintf("%s, column %d (%.100s)", t.in.place(at), at+1, t.Header[column])
}

// Only returns the column called as the first of names, else the only one called as another of them, else -1. Several of
// the others are an error.
func (t *Reader) Only(names []string) (int, error) {
	at := Column(t.Header, names)
	if at < 0 || strings.EqualFold(t.Header[at], names[0]) {
		return at, nil
	}
	for i, name := range t.Header {
		if i != at && Column([]string{name}, names) == 0 {
			return 0, fmt.Errorf("the columns %.100q and %.100q may both be the %s: call one %s, or remove the other",
				t.Header[min(i, at)], t.Header[max(i, at)], names[0], names[0])
		}
	}
	return at, nil
}

// unnamed returns a hint about a first column without a name, "" if there is none.
func (t *Reader) unnamed() string {
	if t.names == 0 {
		return ""
	}
	return "; the first column has no name, so it is taken for row names"
}

// Column returns the index in a header of the first of names that is there, or -1.
func Column(header, names []string) int {
	for _, name := range names {
		if i := slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(h, name) }); i >= 0 {
			return i
		}
	}
	return -1
}

// missing lists what pandas and R write for a value that is not known.
var missing = []string{"", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-nan", "-NaN", "NULL", "null",
	"None"}

// Missing reports whether a cell says that its value is not known.
func Missing(cell string) bool { return slices.Contains(missing, strings.TrimSpace(cell)) }

// thousands matches a number that has commas between each three digits.
var thousands = regexp.MustCompile(`^[+-]?[1-9]\d{0,2}(,\d{3})+$`)

// Number returns the number in a cell. Where the separator is no comma, a comma is the decimal mark. Else it is one too,
// unless it may stand between thousands. A table has one decimal mark: a second one is an error.
func (t *Reader) Number(cell string) (float64, error) {
	cell = strings.TrimSpace(cell)
	point := cell
	mark := rune(0)
	switch {
	case strings.Count(cell, ",") == 1 && !strings.ContainsAny(cell, ".xX"):
		if t.in.comma() != ';' && t.decimals != ',' && thousands.MatchString(cell) {
			return 0, fmt.Errorf("%q may be %s or %s: write a decimal point", cell, strings.Replace(cell, ",", ".", 1),
				strings.Replace(cell, ",", "", 1))
		}
		mark, point = ',', strings.Replace(cell, ",", ".", 1)
	case strings.Contains(cell, "."):
		mark = '.'
	}
	v, err := strconv.ParseFloat(point, 64)
	switch {
	case err != nil && Missing(cell):
		return 0, fmt.Errorf("the number is missing: %q is not a number", cell)
	case err != nil:
		return 0, fmt.Errorf("%.100q is not a number", cell)
	case mark != 0 && t.decimals != 0 && mark != t.decimals:
		return 0, fmt.Errorf("%q has the decimal mark %q, but numbers before it have %q: one may stand between thousands",
			cell, mark, t.decimals)
	case mark != 0:
		t.decimals = mark
	}
	return v, nil
}

// Rows returns all rows of a table that are not empty, the header among them, as they are written.
func Rows(r io.Reader) ([][]string, error) {
	in, err := open(r, &Options{})
	if err != nil {
		return nil, err
	}
	var out [][]string
	for {
		row, err := in.read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, slices.Clone(row))
	}
}

// open returns the source of rows that a file holds, without escapes.
func open(r io.Reader, o *Options) (source, error) {
	in, err := openRaw(r, o)
	if err != nil {
		return nil, err
	}
	return unescaped{in}, nil
}

func openRaw(r io.Reader, o *Options) (source, error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(textfile.HeadSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := textfile.NotData(head); err != nil {
		return nil, err
	}
	for magic, kind := range map[string]string{
		"\xd0\xcf\x11\xe0": "a workbook of Excel before 2007 (.xls): save it as .xlsx or CSV",
		"\x1f\x8b":         "compressed with gzip: unpack it",
	} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return nil, errors.New("this is " + kind)
		}
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return openSheet(in, o.Fits)
	}
	if bytes.HasPrefix(head, []byte("PAR1")) {
		return openParquet(in, o.Fits)
	}
	return openCSV(textfile.LineEnds(textfile.NewReader(in), '"'), o)
}

// maxRow is the largest number of bytes of a row: each may be a cell, which takes 40.
const maxRow = 1 << 21

// A limited reader fails when a row, or the whole file, has too many bytes. Who reads a row sets its size to 0.
type limited struct {
	r     io.Reader
	row   int
	total *int // bytes that may still come
}

func (l *limited) Read(p []byte) (int, error) {
	if l.row > maxRow {
		return 0, fmt.Errorf("a row has more than %d bytes: this is no table of labels or numbers", maxRow)
	}
	if *l.total <= 0 {
		return 0, errors.New("the table is too large: save it as CSV, or in parts")
	}
	n, err := l.r.Read(p)
	l.row += n
	*l.total -= n
	return n, err
}

type csvSource struct {
	*csv.Reader
	limit   *limited
	skipped int // lines before its first
	width   int // of the record read last
}

func (s *csvSource) read() ([]string, error) {
	s.limit.row = 0
	record, err := s.Reader.Read()
	s.width = len(record)
	return record, err
}

func (s *csvSource) place(cell int) string {
	line := 0
	if s.width > 0 {
		line, _ = s.FieldPos(min(cell, s.width-1))
	}
	return fmt.Sprintf("line %d", s.skipped+line)
}

func (s *csvSource) ragged() bool { return false }
func (s *csvSource) comma() rune  { return s.Comma }

// separatorLine matches the first line by which Excel knows the separator.
var separatorLine = regexp.MustCompile(`^(?i)"?sep=([,;\t| ])"?\r?\n`)

func openCSV(in *bufio.Reader, o *Options) (source, error) {
	head, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	unlimited := math.MaxInt
	limit := &limited{r: in, total: &unlimited}
	s := &csvSource{Reader: csv.NewReader(limit), limit: limit}
	s.FieldsPerRecord, s.ReuseRecord, s.LazyQuotes = -1, true, o.Lenient
	if m := separatorLine.FindSubmatch(head); m != nil {
		in.Discard(len(m[0]))
		s.skipped, s.Comma = 1, rune(m[1][0])
		return s, nil
	}
	found := false
	s.Comma, err = separator(head, func(header []string) bool {
		fits := o.Fits == nil || o.Fits(header)
		found = found || fits
		return fits
	})
	if comments := commentLines.Find(head); comments != nil && !found {
		in.Discard(len(comments))
		s.skipped = bytes.Count(comments, []byte("\n"))
		s.Comma, err = separator(head[len(comments):], o.Fits)
	}
	return s, err
}

// commentLines matches the lines in front of a header that R's programs write as comments.
var commentLines = regexp.MustCompile(`^(#[^\n]*\n)+`)

// separator returns the separator by which a header fits. If there is none it returns the one that the header has.
func separator(head []byte, fits func([]string) bool) (rune, error) {
	var found, other []rune
	for _, c := range ",;\t| " {
		if c == ' ' && len(found) > 0 {
			break
		}
		in := csv.NewReader(bytes.NewReader(head))
		in.Comma = c
		header, err := in.Read()
		if err != nil || len(header) < 2 {
			continue
		}
		if fits == nil || fits(trimmed(header)) {
			found = append(found, c)
		} else if c != ' ' {
			other = append(other, c)
		}
	}
	switch {
	case len(found) > 1:
		return 0, fmt.Errorf("line 1: columns may be separated by %q or by %q: put names that hold one of them in quotes, "+
			"or write \"sep=%c\" in a line before the header", found[0], found[1], found[0])
	case len(found) == 1:
		return found[0], nil
	case len(other) > 0:
		return other[0], nil
	}
	return ',', nil
}
