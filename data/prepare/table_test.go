package prepare

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// memory is a file with the given content.
func memory(path string, content []byte) *file {
	return &file{path: path, size: int64(len(content)), open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

func TestReadCSV(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{"plain", "image_id,grade\na.png,1\nb.png,\n"},
		{"semicolons, byte order mark, CRLF, blank rows", "\ufeffGrade;x;Image ID\r\n1;7;a.png\r\n;;\r\n\r\n;7; b.png \r\n"},
		{"tabs and short rows", "image_id\tgrade\na.png\t1\nb.png\n"},
		{"quotes", "\"image_id\",\"grade\"\n\"a.png\",\"1\"\n\"b.png\",\"\""},
	} {
		rows, err := readTable(memory("t.csv", []byte(test.text)), "image_id", "grade")
		if got := fmt.Sprint(rows); err != nil || !strings.Contains(got, "[a.png 1]") ||
			!strings.Contains(got, "[b.png ]") || len(rows) != 2 {
			t.Errorf("%s: %v, %v", test.name, rows, err)
		}
	}
	rows, _ := readTable(memory("a/t.csv", []byte("x\n\n1\n")), "x")
	if len(rows) != 1 || rows[0].where != "t.csv:3" {
		t.Errorf("rows %v do not say where they stand", rows)
	}
	for text, want := range map[string]string{
		"":           "t.csv is empty",
		"id,label\n": `t.csv has no column "grade" but ["id" "label"]`,
	} {
		if _, err := readTable(memory("t.csv", []byte(text)), "grade"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// What openpyxl wrote reads as openpyxl reads it.
func TestReadXLSX(t *testing.T) {
	want, err := readTable(testFile(t, "testdata/papila/diagnosis.csv"), "patient", "od", "os")
	if err != nil || len(want) != 244 {
		t.Fatalf("%d rows: %v", len(want), err)
	}
	for column, name := range []string{"patient_data_od.xlsx", "patient_data_os.xlsx"} {
		rows, err := readRows(testFile(t, "testdata/papila/"+name))
		if err != nil || len(rows) != 3+len(want) {
			t.Fatalf("%s has %d rows: %v", name, len(rows), err)
		}
		if heading := strings.Join(rows[0], ","); heading != ",Age,Gender,Diagnosis,Refractive Defect,,,IOP,Axial_Length" {
			t.Errorf("%s begins with %s", name, heading)
		}
		for i, r := range want {
			if got := rows[3+i]; got[0] != r.cells[0] || got[3] != r.cells[1+column] {
				t.Errorf("%s, row %d: %q, want %q", name, i, got, r.cells)
			}
		}
	}
}

// The forms of a cell that openpyxl does not write.
func TestReadXLSXCells(t *testing.T) {
	book := func(sheet, shared string) *file {
		content := tree{{"xl/worksheets/sheet1.xml", []byte("<worksheet><sheetData>" + sheet + "</sheetData></worksheet>")}}
		if shared != "" {
			content.add("xl/sharedStrings.xml", []byte("<sst>"+shared+"</sst>"))
		}
		return memory("b.xlsx", content.zip(t, zip.Deflate))
	}
	rows, err := readRows(book(
		`<row><c r="B1" t="s"><v>0</v></c><c r="AB1" t="inlineStr"><is><t>in</t></is></c></row>`+
			`<row><c><v>2.5</v></c><c t="str"><f>A1</f><v>f</v></c></row>`,
		`<si><r><t>rich </t></r><r><t>text</t></r></si>`))
	if err != nil || len(rows) != 2 || len(rows[0]) != 28 || rows[0][1] != "rich text" || rows[0][27] != "in" ||
		strings.Join(rows[1], ",") != "2.5,f" {
		t.Errorf("%q, %v", rows, err)
	}
	for name, f := range map[string]*file{
		"is not an xlsx workbook": memory("b.xlsx", []byte("no zip")),
		"no xl/worksheets":        memory("b.xlsx", tree{{"a", nil}}.zip(t, zip.Store)),
		`has no text "3"`:         book(`<row><c r="A1" t="s"><v>3</v></c></row>`, ""),
		`"1A" names no cell`:      book(`<row><c r="1A"><v>3</v></c></row>`, ""),
		`"ZZZZZZ1" names no cell`: book(`<row><c r="ZZZZZZ1"><v>3</v></c></row>`, ""),
		"XML syntax error":        book(`<row>`, ""),
	} {
		if _, err := readRows(f); err == nil || !strings.Contains(err.Error(), name) ||
			!strings.Contains(err.Error(), "b.xlsx") {
			t.Errorf("%v, want %q", err, name)
		}
	}
}
