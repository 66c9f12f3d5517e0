package table

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/naming"
)

func fits(header []string) bool { return Column(header, Paths) >= 0 && Column(header, Labels) >= 0 }

// The forms of pandas, Excel and R all read as the table that pandas reads from them, see tools/oracle/tables.py.
func TestForms(t *testing.T) {
	var want struct {
		Columns []string
		Rows    [][]any
		Files   []string
	}
	content, err := os.ReadFile("testdata/frame.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &want); err != nil || len(want.Files) < 20 {
		t.Fatalf("%d files, %v", len(want.Files), err)
	}
	for _, name := range want.Files {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		in, err := NewReader(bytes.NewReader(content), Options{Fits: fits})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(in.Header, want.Columns) {
			t.Errorf("%s: header %q", name, in.Header)
			continue
		}
		for i := 0; ; i++ {
			row, err := in.Read()
			if errors.Is(err, io.EOF) && i == len(want.Rows) {
				break
			}
			if err != nil || i == len(want.Rows) {
				t.Errorf("%s: row %d: %q, %v", name, i, row, err)
				break
			}
			for c, w := range want.Rows[i] {
				switch w := w.(type) {
				case string:
					if row[c] != w {
						t.Errorf("%s: row %d: %q, want %q", name, i, row[c], w)
					}
				case float64:
					if v, err := in.Number(row[c]); v != w || err != nil {
						t.Errorf("%s: row %d: %v of %q, want %v: %v", name, i, v, row[c], w, err)
					}
				}
			}
		}
	}
}

// Dates, decimals and large numbers of a Parquet file read as Python writes them, and cells that are merged over rows hold
// their value in each, see tools/oracle/tables.py.
func TestStoredTypes(t *testing.T) {
	var want map[string][][]string
	content, err := os.ReadFile("testdata/types.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &want); err != nil || len(want) != 2 {
		t.Fatal(want, err)
	}
	for name, rows := range want {
		f, err := os.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Rows(f)
		f.Close()
		if err != nil || !slices.EqualFunc(got, rows, slices.Equal) {
			t.Errorf("%s: %q, %v\nwant %q", name, got, err, rows)
		}
	}
}

// Lines in front of the header that begin with # are skipped, and count. A header that begins with # is one.
func TestComments(t *testing.T) {
	for text, header := range map[string]string{"# R\n#\r\npath;label\nx;1\n": "path label",
		"#,path,label\n1,x,1\n": "# path label"} {
		in, err := NewReader(strings.NewReader(text), Options{Fits: fits})
		if err != nil || strings.Join(in.Header, " ") != header {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if row, err := in.Read(); err != nil || row[len(row)-2] != "x" ||
			in.Place() != fmt.Sprintf("line %d", strings.Count(text, "\n")) {
			t.Errorf("%q: %q at %s, %v", text, row, in.Place(), err)
		}
	}
}

// Where a table has two meanings the error names both, and otherwise what is wrong.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "the file is empty"},
		{"\ufeff\n,,\n \n", "the file is empty"},
		{"path;label;x,path,label,y\n", `columns may be separated by ',' or by ';'`},
		{"path,label\na.png,A,comment\n", "record on line 2: wrong number of fields: 3, but the header has 2"},
		{"path,label\na.png\n", "record on line 2: wrong number of fields: 1, but the header has 2"},
		{"path,label\n1,A,\n", "line 2: the row has one cell more than the header: either 1 is the name"},
		{"path,label\n1,a.png,A\n7,b.png,A\n", "line 3: the rows have one cell more than the header, but the first"},
		{"path,,label\na.png,x,A\n", `line 2, column 2 (): the column has no name, but the cell holds "x"`},
		{"<!DOCTYPE html><html>", "this is a web page"},
		{"version https://git-lfs.github.com/spec/v1\noid", "this is a pointer of Git LFS"},
		{"\x1f\x8b\x08", "compressed with gzip: unpack it"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of Excel before 2007 (.xls)"},
		{"sep=;\npath;label\n\"a\nb\";A\nc;\"\"x\n", "line 4"},
	} {
		in, err := NewReader(strings.NewReader(c.text), Options{Fits: fits})
		for err == nil {
			_, err = in.Read()
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %s", c.text, err, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	const failed = -1
	for _, c := range []struct {
		header string
		cells  []string
		want   []float64
	}{
		{"path,label", []string{"0.5", " 1e-3 ", "0x1p-2", "0,25", "x", "", "NA"}, []float64{0.5, 1e-3, 0.25, failed, failed, failed, failed}},
		{"path,label", []string{"0,25", "1,234"}, []float64{0.25, 1.234}},
		{"path,label", []string{"1,234", "1,234,567"}, []float64{failed, failed}},
		{"path;label", []string{"1,234", "0,5e-1", "1.234", "3"}, []float64{1.234, 0.05, failed, 3}},
		{"path;label", []string{"0.5", "0,5"}, []float64{0.5, failed}},
		{"path\tlabel", []string{"1,234", "0,234"}, []float64{failed, 0.234}},
	} {
		in, err := NewReader(strings.NewReader(c.header+"\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, cell := range c.cells {
			v, err := in.Number(cell)
			if err != nil {
				v = failed
			}
			if v != c.want[i] {
				t.Errorf("%q: %q is %v, want %v: %v", c.header, cell, v, c.want[i], err)
			}
		}
	}
}

func TestLabelSet(t *testing.T) {
	for _, c := range []struct{ labels, classes, want string }{
		{"b|a|b", "a|b", "[1 0]"},
		{"0.0|1.0|2", "x|y|z", "[0 1 2]"},
		{"0,0|1,00", "x|y", "[0 1]"},
		{"0.0|1.0", "0|1|2", "[0 1]"},
		{"1|2", "1|2|3", "[0 1]"}, // the names themselves
		{"1.0|3.0", "1|2|3", "[0 2]"},
		{"1.0|2.0", "1|2|3", `line 1: label "1.0" may be the class "1" or, as an index, the class "2"`},
		{"A |A", "A|B", "[0 0]"}, // of "A " and "A"
		{"A |A", "A|A ", "[1 0]"},
		{"Gro\u0308\u00dfe", "x|Gr\u00f6\u00dfe", "[1]"},
		{"e\u0323\u0302", "\u1ec7|e\u0302\u0323", `label "e\u0323\u0302" is neither a class (ệ, "e\u0302\u0323")`},
		{"NA|None", "NA|None", "[0 1]"},
		{"a|NA", "a|b", `line 2: the label is missing: "NA"`},
		{"NaN|1", "a|b", `line 1: the label is missing: "NaN"`},
		{"a|1", "a|b", `line 2: label "1" is not a class; the classes are a, b`},
		{"0|a", "a|b", `line 2: label "a" is a class, but the labels before it are indices`},
		{"2", "a|b", `label "2" is neither a class (a, b) nor an index from 0 to 1`},
		{"1.5", "a|b", `label "1.5" is neither`},
		{"-1", "a|b", `label "-1" is neither`},
		{"1,000", "a|b", `label "1,000" is neither`},
	} {
		var l LabelSet
		for i, label := range strings.Split(c.labels, "|") {
			l.Add(label, func() string { return fmt.Sprintf("line %d", i+1) })
		}
		got, err := l.Classes(strings.Split(c.classes, "|"))
		if text := fmt.Sprint(got, err); !strings.Contains(text, c.want) {
			t.Errorf("%q of %q: %s, want %s", c.labels, c.classes, text, c.want)
		}
	}
}

func TestLabelsTable(t *testing.T) {
	for text, want := range map[string]string{
		"path,target,class\n":    `the columns "target" and "class" may both be the label`,
		"file,image,label\n":     `the columns "file" and "image" may both be the path`,
		"path,x\n":               "needs a column path and a column label",
		",label\na.png,A\n":      "the first column has no name, so it is taken for row names",
		"path,label,target\n":    "",
		"IMAGE;Y_True\na;b\n":    "",
		"Unnamed: 0,file,true\n": "",
	} {
		_, err := OpenLabels(strings.NewReader(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"\ufeffnormal\r\n\r\n amd \r\n":         "[normal amd]",
		"\xff\xfea\x00\r\x00\n\x00b\x00":        "[a b]",
		"normal\ramd\r":                         "[normal amd]",
		"\"normal\"\n\"mild, or worse\"\n":      "[normal mild, or worse]",
		"0,normal\n1,amd\n":                     `"0,normal" may be a name, or a number and a name`,
		"\n \n":                                 "the file names no class",
		"<html><body>Not found</body></html>\n": "this is a web page",
	} {
		got, err := Names(strings.NewReader(text))
		if text := fmt.Sprint(got, err); !strings.Contains(text, want) {
			t.Errorf("%s, want %s", text, want)
		}
	}
}

func TestTwoSheets(t *testing.T) {
	content, err := os.ReadFile("testdata/two_sheets.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewReader(bytes.NewReader(content), Options{Fits: fits}); err == nil ||
		!strings.Contains(err.Error(), `the sheets "train" and "test" both have the columns`) {
		t.Errorf("error %v", err)
	}
}

// FuzzReader reads any bytes. A table that was read gives the same cells when it is written as plain CSV.
// A workbook that unpacks to much, or has many parts or sheets, is an error.
func TestHugeWorkbooks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	const namespace = `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">`
	parts := map[string]string{}
	for i := range 30_000 {
		parts[fmt.Sprint("part", i)] = ""
	}
	for want, parts := range map[string]map[string]string{
		"its directory has more than 1048576 bytes": parts,
		"1001 visible sheets": {
			"xl/workbook.xml":            namespace + strings.Repeat(`<sheet name="a" r:id="1"/>`, 1001) + "</workbook>",
			"xl/_rels/workbook.xml.rels": `<r><Relationship Id="1" Target="worksheets/sheet1.xml"/></r>`,
		},
		"elements stand more than 100 deep": {"xl/worksheets/sheet1.xml": strings.Repeat("<a>", 1000)},
		"a row has more than 2097152 bytes": {"xl/worksheets/sheet1.xml": "<a b='" + strings.Repeat("c", 3<<20) + "'/>"},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, content := range parts {
			f, err := z.Create(name)
			if err == nil {
				_, err = io.WriteString(f, content)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := NewReader(&b, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func FuzzReader(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.*")
	for _, name := range files {
		if content, err := os.ReadFile(name); err == nil && len(content) < 10000 {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		in, err := NewReader(bytes.NewReader(content), Options{Fits: fits})
		if err != nil {
			return
		}
		var labels LabelSet
		for {
			row, err := in.Read()
			if err != nil {
				break
			}
			if len(row) != len(in.Header) || in.Where(0) == "" && len(row) > 0 {
				t.Fatalf("%d cells in %d columns", len(row), len(in.Header))
			}
			for c := range row {
				in.Number(row[c])
				labels.Add(row[c], in.Place)
			}
		}
		if _, err := labels.Classes(in.Header); err != nil && len(err.Error()) > 3000 {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
		Names(bytes.NewReader(content))
		naming.Match(in.Header, labels.texts)
	})
}

// A table that unpacks to much more, or never ends its first row, is refused before it takes the memory.
func TestHostile(t *testing.T) {
	book := func(sheet string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.Create(firstSheet)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, sheet)
		z.Close()
		return b.String()
	}
	for name, c := range map[string]struct{ text, want string }{
		"one row":        {strings.Repeat(",", 3*maxRow), "a row has more than"},
		"open quote":     {"path,label\n\"" + strings.Repeat("\n", 3*maxRow), "a row has more than"},
		"deep":           {book(strings.Repeat("<a>", 200)), "more than 100 deep"},
		"wide":           {book("<row>" + strings.Repeat("<c><v>1</v></c>", maxColumns+1)), "names no cell"},
		"long attribute": {book("<row r=\"" + strings.Repeat(" ", 3*maxRow) + "\"/>"), "a row has more than"},
	} {
		in, err := NewReader(strings.NewReader(c.text), Options{Fits: fits})
		for err == nil {
			_, err = in.Read()
		}
		if !strings.Contains(err.Error(), c.want) || len(err.Error()) > 500 {
			t.Errorf("%s: error %.500v, want %s", name, err, c.want)
		}
	}
}
