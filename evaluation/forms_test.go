package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Tables as people write them give the numbers that pandas reads, see tools/oracle/tables.py.
func TestTablesOfPandas(t *testing.T) {
	const dir = "testdata/tables"
	var cases map[string]struct {
		Path   []string
		Label  []any
		Scores [][]float64
	}
	if err := json.Unmarshal(readFile(t, filepath.Join(dir, "pandas.json")), &cases); err != nil || len(cases) != 8 {
		t.Fatal(len(cases), err)
	}
	for name, want := range cases {
		content := readFile(t, filepath.Join(dir, name))
		options := TableOptions{}
		if len(want.Scores) == 0 || len(want.Scores[0]) == 0 { // a table of labels
			options.Labels = bytes.NewReader(content)
			text := "path,A,B\n"
			for _, path := range want.Path {
				text += path + ",0.25,0.75\n"
			}
			content = []byte(text)
		}
		got, err := ReadTable(bytes.NewReader(content), options)
		if err != nil || len(got.Rows) != len(want.Path) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, r := range got.Rows {
			label := fmt.Sprint(want.Label[i])
			if r.Path != want.Path[i] || label != got.Classes[r.Label] && label != fmt.Sprint(r.Label) ||
				options.Labels == nil && !reflect.DeepEqual(r.Probabilities, want.Scores[i]) {
				t.Errorf("%s: row %d is %v, want %s %s %v", name, i, r, want.Path[i], label, want.Scores[i])
			}
		}
	}
}

// Predictions in all forms of package table are the same.
func TestFormsOfPredictions(t *testing.T) {
	const dir = "../internal/table/testdata"
	var frame struct{ Files []string }
	if err := json.Unmarshal(readFile(t, filepath.Join(dir, "frame.json")), &frame); err != nil {
		t.Fatal(err)
	}
	var first *Predictions
	for _, name := range frame.Files {
		got, err := ReadTable(bytes.NewReader(readFile(t, filepath.Join(dir, name))), TableOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if first == nil {
			first = got
		}
		if !reflect.DeepEqual(got, first) || len(got.Rows) != 4 || got.Rows[2].Label != 2 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What a run writes comes back, whatever its classes are called.
func TestOwnTableComesBack(t *testing.T) {
	for _, classes := range [][]string{
		{"error", "label", "path", "predicted"}, {"p_a", "p_b"}, {"prob_a", "b"}, {" a", "a "}, {"0", "1"}, {"1", "0"},
		{"true", "false"}, {"NA", "None"}, {"Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"}, {"a;b", "c\td|e f"}, {"a\rb", "\"x\""},
		{"index", "Unnamed: 0"},
	} {
		want := randomPredictions(len(classes), 30)
		want.Classes = classes
		want.Rows[0].Path, want.Rows[1].Path = " a.png ", "=1+1"
		var file bytes.Buffer
		if err := WritePredictions(&file, want); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadTable(&file, TableOptions{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q came back as %v, %v", classes, got, err)
		}
	}
}

func TestTwoMeanings(t *testing.T) {
	for text, want := range map[string]string{
		"path,label,predicted,p_a,p_b,a,b\nx,a,a,0.5,0.5,0,0\n": `both have the label "a"`,
		",label,a,b\nscan 1,a,1,0\n":                            `holds "scan 1": call it path if`,
		"path,target,y_true,a,b\nx,0,a,1,0\n":                   `the columns "target" and "y_true" may both be the label`,
		"path,label,a,b\nx,NA,1,0\n":                            `the label is missing: "NA"`,
		"path,label,a,b\nx,a,1,\n":                              "line 2, column 4 (b): the number is missing",
		"path;label;a;b\nx;a;0,5;0.5\n":                         "has the decimal mark",
	} {
		if _, err := ReadTable(strings.NewReader(text), TableOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
	text := "path,label,index,a,b\nx,a,0,3,1\ny,b,1,0,2\n"
	if _, err := ReadTable(strings.NewReader(text), TableOptions{Logits: true}); err == nil ||
		!strings.Contains(err.Error(), `the column "index" may be a class`) {
		t.Errorf("error %v", err)
	}
	// What predict writes, with the labels of another table.
	text = "path,predicted,a,b,decision,error\nx,a,0.75,0.25,b,\ny,b,0.25,0.75,,\n"
	p, err := ReadTable(strings.NewReader(text), TableOptions{Labels: strings.NewReader("path,label\nx,a\ny,b\n")})
	if err != nil || !reflect.DeepEqual(p.Classes, []string{"a", "b"}) {
		t.Errorf("%v, %v", p, err)
	}
}

// Names in different normal forms are matched where that is the only way, and told apart in messages.
func TestNormalForms(t *testing.T) {
	const composed, decomposed = "Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"
	a, b := randomPredictions(2, 40), randomPredictions(2, 40)
	a.Classes, b.Classes = []string{"x", composed}, []string{"x", decomposed}
	for i := range a.Rows {
		b.Rows[i].Label = a.Rows[i].Label
		a.Rows[i].Path, b.Rows[i].Path = fmt.Sprint("\u00e4", i), fmt.Sprint("a\u0308", i)
	}
	if _, err := ComparePaired(t.Context(), a, b, Intervals{Rounds: 20}); err != nil {
		t.Error(err)
	}
	b.Classes = []string{composed, decomposed}
	if _, err := ComparePaired(t.Context(), a, b, Intervals{Rounds: 20}); err == nil ||
		!strings.Contains(err.Error(), `1 missing in B ("x"); 1 missing in A ("Gro\u0308\u00dfe")`) {
		t.Errorf("error %v", err)
	}
}
