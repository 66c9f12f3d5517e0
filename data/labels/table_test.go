package labels

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data"
	"fovea/data/splits"
)

// folder makes files, which need not be images to be listed.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read opens a table with a text as its content.
func read(t *testing.T, text, dir string, columns ...string) (*Table, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := ParseColumns(columns)
	if err != nil {
		return nil, err
	}
	return Open(file, dir, Options{Columns: c, Key: "data.columns"})
}

// summary returns the images with their classes and attributes, in order.
func summary(t *Table) string {
	var out []string
	for _, s := range t.All.Samples {
		rel, _ := filepath.Rel(t.All.Dir, s.Path)
		out = append(out, fmt.Sprintf("%s:%s:%s", filepath.ToSlash(rel), t.All.Classes[s.Class],
			strings.Join(t.All.Rows[s.Row], ",")))
	}
	return strings.Join(out, " ")
}

func TestOpen(t *testing.T) {
	dir := folder(t, "a.jpg", "b.png", "sub/deep/c.TIF", "left/d.jpg", "right/d.jpg", "e.f.png")
	for name, c := range map[string]struct{ text, want, leftOut string }{
		"endings and folders": {"image,label\na,x\nb.png,y\nc,x\nright/d.jpg,y\n",
			"a.jpg:x: b.png:y: sub/deep/c.TIF:x: right/d.jpg:y:", "2 rowless"},
		"case of letters":  {"Image Name,Retinopathy grade\nA.JPG,0\nB,1\n", "a.jpg:0: b.png:1:", "4 rowless"},
		"dots in a name":   {"id_code,diagnosis\ne.f,0\na,1\n", "e.f.png:0: a.jpg:1:", "4 rowless"},
		"paths of Windows": {"path,label\nC:\\data\\left\\d.jpg,x\nsub\\deep\\c.TIF,y\n", "left/d.jpg:x: sub/deep/c.TIF:y:", "4 rowless"},
		"German Excel":     {"Bilddatei;Diagnose;Patient;Auge;Alter\na;gesund;7;R;61,5\nb;krank;7;L;61,5\n", "a.jpg:gesund:7,R,61,5 b.png:krank:7,L,61,5", "4 rowless"},
		"decimals of pandas": {"image,level\na,0.0\nb,1.0\nc,\n", "a.jpg:0: b.png:1:",
			"line 4 c the label is missing; 3 rowless"},
		"missing files": {"image,label\na,x\nb,y\nlost,x\n,y\n", "a.jpg:x: b.png:y:",
			"line 4 lost the image is missing; line 5  the image is missing; 4 rowless"},
		"the id that names images": {"patient_id,id,label\n1,a,x\n1,b,y\n", "a.jpg:x:1 b.png:y:1", "4 rowless"},
		"two names of one image":   {"id,file,label\n1,a,x\n2,b,y\n", "a.jpg:x: b.png:y:", "4 rowless"},
		"tabs":                     {"image\tlabel\na\tx\nb\ty\n", "a.jpg:x: b.png:y:", "4 rowless"},
	} {
		table, err := read(t, c.text, dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := summary(table); got != c.want {
			t.Errorf("%s: read %s, want %s", name, got, c.want)
		}
		var out []string
		rowless := 0
		for _, l := range table.LeftOut {
			if l.Reason == NoRow {
				rowless++
			} else {
				out = append(out, l.Place+" "+l.Name+" "+l.Reason)
			}
		}
		if got := strings.Join(append(out, fmt.Sprintf("%d rowless", rowless)), "; "); got != c.leftOut {
			t.Errorf("%s: left out %s, want %s", name, got, c.leftOut)
		}
	}
}

func TestColumns(t *testing.T) {
	dir := folder(t, "a.jpg", "b.png")
	for _, c := range []struct {
		text    string
		columns []string
		want    string
	}{
		{"image,CNV,DME\na,1,0\nb,0,1\n", []string{"label=CNV+DME"}, "a.jpg:CNV: b.png:DME:"},
		{"image,dr,dme\na,2,0\nb,0,1\n", []string{"label=dr+dme"}, "a.jpg:2+0: b.png:0+1:"},
		{"scan,kind,who,vendor\na,x,p,T\nb,y,q,Z\n", []string{"image=scan", "label=kind", "patient=who", "groups=vendor"},
			"a.jpg:x:p,T b.png:y:q,Z"},
		{"image,label,patient\na,x,p\nb,y,p\n", []string{"patient=none"}, "a.jpg:x: b.png:y:"},
		{"image,label,fold\na,x,1\nb,y,2\n", []string{"split=none"}, "a.jpg:x: b.png:y:"},
		{"image,label\na,+\nb,-\n", nil, "a.jpg:+: b.png:-:"},
	} {
		table, err := read(t, c.text, dir, c.columns...)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		} else if got := summary(table); got != c.want {
			t.Errorf("%q: read %s, want %s", c.text, got, c.want)
		}
	}
}

// TestBrokenTables has a table for each thing that can be wrong with one. The error names row and column.
func TestBrokenTables(t *testing.T) {
	dir := folder(t, "a.jpg", "b.png", "left/d.jpg", "right/d.jpg")
	for _, c := range []struct {
		text    string
		columns []string
		want    []string
	}{
		{"", nil, []string{"empty"}},
		{"image,label\n", nil, []string{"no row"}},
		{"eye,label\na,x\n", nil, []string{"line 1", "names the images", "eye", "data.columns image="}},
		{"image,kind\na,x\n", nil, []string{"line 1", "labels", "kind", "data.columns label="}},
		{"image,label,grade\na,x,1\nb,y,2\n", nil, []string{"line 1", `"label"`, `"grade"`}},
		{"image,label\na,x\n", []string{"image=scan"}, []string{"line 1", `"scan"`, "image, label"}},
		{"image,label\na,x\n", []string{"label=grade"}, []string{"line 1", `"grade"`}},
		{"image,label\na,x\n", []string{"bild=image"}, []string{"bild=image"}},
		{"image,label\na,x\n", []string{"image"}, []string{`"image"`, "NAME"}},
		{"image,label\nd,x\na,y\n", nil, []string{"line 2", `"image"`, "left/d.jpg", "right/d.jpg"}},
		{"image,label\na,x\na.jpg,y\n", nil, []string{"line 3", `"image"`, "a.jpg", "line 2"}},
		{"image,label\nq,x\nr,y\n", nil, []string{"line 2", `"image"`, `"q"`, "a.jpg"}},
		{"image,label\na,Mild\nb,mild\n", nil, []string{"line 2", "line 3", `"label"`, `"Mild"`, `"mild"`}},
		{"image,label\na,0.25\nb,0.5\n", nil, []string{"line 2", `"label"`, "0.25", "measurement"}},
		{"image,label,split\na,x,train\nb,y,maybe\n", nil, []string{"line 3", "split", `"maybe"`, "split=none"}},
		{"image,label,fold\na,x,1\nb,y,2\n", nil, []string{"line 2", "fold", `"1"`, "split=none"}},
		{"image,CNV,DME\na,1,1\nb,0,1\n", []string{"label=CNV+DME"}, []string{"line 2", "CNV", "DME"}},
		{"image,label\na,\nb,NA\n", nil, []string{"no row with an image", `"label"`}},
		{"image,label,patient,subject\na,x,1,2\nb,y,1,2\n", nil, []string{"line 1", `"patient"`, `"subject"`}},
		{"image,label\na,2020-01-31\nb,y\n", nil, []string{"line 2", `"label"`, "date"}},
		{"image,label\na,31.1.2020\nb,y\n", nil, []string{"line 2", "date"}},
		{"image,label\na,x\nb,#VALUE!\n", nil, []string{"line 3", "formula"}},
		{"image,label\na,x\nb,?\n", nil, []string{"line 3", "no letter or digit"}},
		{"image,label,label\na,x,y\nb,y,x\n", []string{"label=label"}, []string{"line 1", "2 columns", `"label"`, "rename"}},
		{"image,label\na,x,surplus\n", nil, []string{"line 2", "3", "2"}},
		{"image,label\n\"a,x\n", nil, []string{"line"}},
		{"image,file,label\na,b,x\nb,a,y\n", nil, []string{`"image"`, `"file"`, "not the same"}},
	} {
		_, err := read(t, c.text, dir, c.columns...)
		if err == nil {
			t.Errorf("%q: no error", c.text)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %q lacks %q", c.text, err, want)
			}
		}
	}
}

func TestMeasurementsAreNoClasses(t *testing.T) {
	var files []string
	text := "image,label\n"
	for i := range 40 {
		files = append(files, fmt.Sprintf("i%d.png", i))
		text += fmt.Sprintf("i%d,%d\n", i, i+30)
	}
	if _, err := read(t, text, folder(t, files...)); err == nil || !strings.Contains(err.Error(), "40 values in 40 rows") {
		t.Errorf("ages as labels: %v", err)
	}
}

// What differs in the case of letters is one group, and columns that are not read are named.
func TestMessyTable(t *testing.T) {
	dir := folder(t, "a.png", "b.png", "c.png")
	all, err := read(t, "Photo,Diagnosis,Study ID,Gender,Age at visit\na,yes,P1,Male,60\nb,no,p1,male,61\nc,no,P2,FEMALE,\n", dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all.All.Samples {
		got = append(got, all.All.Attribute(s, "sex")+" "+all.All.Attribute(s, "age"))
	}
	if want := []string{"Male 60", "Male 61", "FEMALE "}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := all.NoPatients("-columns"); !slices.Equal(all.Unread, []string{"Study ID"}) ||
		!strings.Contains(got, "-columns patient=NAME, one of Study ID") {
		t.Errorf("unread %q: %s", all.Unread, got)
	}
	all, err = read(t, "Photo,Diagnosis,Patient\na,yes,P1\nb,no,p1\n", dir)
	if err != nil || all.NoPatients("-columns") != "" || all.Unread != nil {
		t.Error(err, all.Unread)
	} else if a, b := all.All.Rows[0][0], all.All.Rows[1][0]; a == b {
		t.Errorf("the patients %q and %q are one", a, b)
	}
}

func TestDivide(t *testing.T) {
	var files []string
	table := "image,label,patient,split\n"
	for i := range 100 {
		files = append(files, fmt.Sprintf("i%03d.png", i))
		table += fmt.Sprintf("i%03d,%c,p%d,%%[%d]s\n", i, 'x'+rune(i%2), i/2, 1+i/2%5)
	}
	dir := folder(t, files...)
	for _, c := range []struct {
		given [5]any
		sizes []int
		how   string
	}{
		{[5]any{"", "", "", "", ""}, []int{60, 20, 20}, "made by data.split"},
		{[5]any{"train", "train", "train", "val", "test"}, []int{60, 20, 20}, "as the table says"},
		{[5]any{"train", "train", "train", "train", "test"}, []int{60, 20, 20}, "val is 0.25 of its train"},
		{[5]any{"train", "val", "test", "", ""}, []int{60, 20, 20}, "40 images divided"},
	} {
		all, err := read(t, fmt.Sprintf(table, c.given[:]...), dir)
		if err != nil {
			t.Fatal(err)
		}
		set, how, err := all.Divide(Division{Shares: splits.Shares{0.6, 0.2, 0.2}})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(how, c.how) {
			t.Errorf("%v: %s", c.given, how)
		}
		var sizes []int
		patients := map[string]string{}
		for _, s := range []*data.Split{set.Train, set.Val, set.Test} {
			sizes = append(sizes, len(s.Samples))
			for _, x := range s.Samples {
				p := s.Attribute(x, "patient")
				if before := patients[p]; before != "" && before != s.Name {
					t.Errorf("%v: patient %s is in %s and in %s", c.given, p, before, s.Name)
				}
				patients[p] = s.Name
			}
		}
		if !slices.Equal(sizes, c.sizes) {
			t.Errorf("%v: sizes %v, want %v", c.given, sizes, c.sizes)
		}
	}
}

// Labels in every form are those of the classes, see TestTablesOfPandas in package evaluation.
func TestIndices(t *testing.T) {
	dir := folder(t, "test/A/test_0000.png", "test/A/test_0001.png", "test/A/test_0002.png", "test/A/test_0003.png",
		"test/B/test_0000.png", "test/B/test_0001.png", "test/B/test_0002.png", "test/B/test_0003.png")
	for _, name := range []string{"commas.csv", "hdrspace.csv", "labels_float.csv", "semi.csv", "trail.csv"} {
		table, err := Open(filepath.Join("../../evaluation/testdata/tables", name), dir, Options{Classes: []string{"A", "B"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s := table.All
		if len(s.Samples) == 0 || strings.Join(s.Classes, "") != "AB" {
			t.Errorf("%s: %v", name, s)
		}
		for _, sample := range s.Samples { // test/A/test_0002.png
			if class := filepath.Base(filepath.Dir(sample.Path)); s.Classes[sample.Class] != class {
				t.Errorf("%s: %s has the class %s", name, sample.Path, s.Classes[sample.Class])
			}
		}
	}
}

func TestIndicesThatMayBeNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(file, []byte("path,label\na.png,1.0\nb.png,2.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const want = `line 2, column "label": label "1.0" may be the class "1" or, as`
	_, err := Open(file, folder(t, "a.png", "b.png"), Options{Classes: []string{"1", "2", "3"}})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Paths in another normal form of Unicode are found where that is the only way.
func TestNormalForms(t *testing.T) {
	const composed, decomposed = "\u00dc", "U\u0308"
	dir := folder(t, decomposed+"/4.png", "V/3.png")
	table, err := read(t, "path,label\n"+composed+"/4.png ,"+decomposed+"\nV/3,V\n", dir)
	if err != nil || summary(table) != decomposed+"/4.png:"+composed+": V/3.png:V:" {
		t.Errorf("%+v, %v", table, err)
	}
}

// TestImagesByNumber finds images whose names a spreadsheet took for numbers, if one reading fits.
func TestImagesByNumber(t *testing.T) {
	dir := folder(t, "0007.png", "sub/0010.png", "0100.png", "100.jpg", "12345.png")
	for _, c := range []struct{ text, want string }{
		{"id,label\n7,x\n10.0,y\n", "0007.png:x: sub/0010.png:y:"},
		{"id,label\n7,x\n12345,y\n", "0007.png:x: 12345.png:y:"},
		{"id,label\n7,x\n100,y\n", "0007.png:x: 100.jpg:y:"},
		{"id,label\n0007,x\n7,y\n12345,y\n", "0007.png:x: 12345.png:y:"}, // its own row names 0007
	} {
		table, err := read(t, c.text, dir)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		} else if got := summary(table); got != c.want {
			t.Errorf("%q: read %s, want %s", c.text, got, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"id,label\n7,x\n007,y\n", "line 3"},
		{"id,image,label\n7,10,x\n10,7,y\n", "not the same"},
		{"id,label\n8,x\n9,y\n", "data.columns image=NAME"},
	} {
		if _, err := read(t, c.text, dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %s", c.text, err, c.want)
		}
	}
}

// TestDoubts has a table for each warning, and some without one.
func TestDoubts(t *testing.T) {
	dir := folder(t, "healthy/a.png", "glaucoma/b.png", "train/c.png", "test/d.png")
	for _, c := range []struct{ text, want string }{
		{"image,label,patient\na,healthy,7\nb,glaucoma,\n", "the patient of some images is missing"},
		{"image,label,patient\na,healthy,P-07\nb,glaucoma,p7\n", `\"P-07\" and \"p7\"`},
		{"image,label\na,glaucoma\nb,healthy\n", `healthy/a.png is \"glaucoma\"`},
		{"image,label\nc,glaucoma\nd,healthy\n", "folders that are called as splits"},
		{"image,label,split\nc,glaucoma,test\nd,healthy,train\n", ""},
		{"image,label,patient\na,healthy,P70\nb,glaucoma,P7\n", ""},
		{"image,label,patient\na,healthy,7\nb,glaucoma,07b\n", ""},
	} {
		var log strings.Builder
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})))
		table, err := read(t, c.text, dir)
		if err == nil {
			table.LogDoubts()
		}
		slog.SetDefault(before)
		if err != nil || !strings.Contains(log.String(), c.want) || c.want == "" && log.Len() > 0 {
			t.Errorf("%q: %v, log %q, want %q", c.text, err, log.String(), c.want)
		}
	}
}
