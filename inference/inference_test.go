package inference_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data"
	"fovea/inference"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
)

// A golden is a file that tools/oracle/predictions.py wrote.
type golden struct {
	Model       string
	Description inference.Description
	Views       map[data.Views]map[string][]float64
}

const root = ".."

func readGolden(t testing.TB) golden {
	t.Helper()
	var g golden
	text, err := os.ReadFile("testdata/golden.json")
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.Model = filepath.Join(root, g.Model)
	return g
}

func open(t testing.TB, model string, given inference.Description, batch int) (*inference.Classifier, *inference.Description) {
	t.Helper()
	if _, err := install.Load(t.Context(), install.Source{Provider: "cpu"}); err != nil {
		t.Fatal(err)
	}
	d, err := inference.Describe(model, given)
	if err != nil {
		t.Fatal(err)
	}
	c, err := inference.Open(model, d, batch, ort.Options{Threads: 1, Arena: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, d
}

// TestPredict: all views of a model that PyTorch exported have the probabilities of Python's onnxruntime behind
// torchvision's preparation, whatever the batch; an image that cannot be read stops nothing.
func TestPredict(t *testing.T) {
	g := readGolden(t)
	bad := filepath.Join(t.TempDir(), "bad.png")
	if err := os.WriteFile(bad, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	for views, want := range g.Views {
		for _, batch := range []int{1, 3, 20} {
			c, d := open(t, g.Model, g.Description, max(1, batch/views.Count())*views.Count())
			paths := []string{bad}
			for path := range want {
				paths = append(paths, filepath.Join(root, path))
			}
			slices.Sort(paths[1:])
			var out bytes.Buffer
			table, err := inference.NewTable(&out, inference.CSV, d.Classes, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := c.Predict(t.Context(), d, views, 2, paths, table, nil)
			if err != nil || n.Images != len(paths) || n.Failed != 1 {
				t.Fatalf("views %q: %+v of %d images, error %v", views, n, len(paths), err)
			}
			rows, err := csv.NewReader(&out).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if last := rows[1][len(rows[1])-1]; !strings.Contains(last, "not a JPEG") || rows[1][1] != "" {
				t.Errorf("views %q: the row of a bad image is %q", views, rows[1])
			}
			for i, row := range rows[2:] {
				if row[0] != paths[i+1] {
					t.Fatalf("views %q: row %d is of %s", views, i, row[0])
				}
				rel, _ := filepath.Rel(root, row[0])
				for class, p := range want[filepath.ToSlash(rel)] {
					var got float64
					if err := json.Unmarshal([]byte(row[2+class]), &got); err != nil || math.Abs(got-p) > 1e-5 {
						t.Errorf("views %q, batch %d, %s: class %d has %v, want %v", views, batch, row[0], class, row[2+class], p)
					}
				}
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	g := readGolden(t)
	model := filepath.Join(t.TempDir(), "m.onnx")
	content, err := os.ReadFile(g.Model)
	if err == nil {
		err = os.WriteFile(model, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	refused := func(given inference.Description, want string) {
		t.Helper()
		if _, err := inference.Describe(model, given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(filepath.Dir(model), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refused(inference.Description{}, "nothing says its crop, mean, std")
	write("m.toml", "crop = 0.5\nmaen = [0, 0, 0]\n")
	refused(inference.Description{}, "maen")
	write("m.toml", "\ufeffcrop = 0.5\nmean = [0.1, 0.2, 0.3]\nstd = [1.0, 1.0, 1.0]\n")
	d, err := inference.Describe(model, inference.Description{Crop: 1})
	if err != nil {
		t.Fatal(err)
	}
	if d.Crop != 1 || d.Mean[1] != 0.2 || d.Scores != inference.Logits || d.Classes[1] != "1" {
		t.Errorf("the description is %+v", d)
	}
	d, err = inference.Describe(model, inference.Description{Resize: data.Squash})
	if err != nil || d.Crop != 1 || d.Transform().Resize != data.Squash { // the file's crop is of the other rule
		t.Errorf("squashed: %+v, %v", d, err)
	}
	d, err = inference.Describe(model, inference.Description{Resize: data.Crop})
	if err != nil || d.Crop != 0.5 || d.Transform().Resize == data.Squash {
		t.Errorf("cropped: %+v, %v", d, err)
	}
	refused(inference.Description{Resize: "stretch", Crop: 1}, "crop or squash")
	refused(inference.Description{Output: "y2"}, `no output "y2"`)
	refused(inference.Description{Scores: "odds"}, "logits or probabilities")
	refused(inference.Description{Mean: []float32{1}}, "three numbers")
	refused(inference.Description{Mean: []float32{123.7, 116.3, 103.5}}, "divide them by 255")
	refused(inference.Description{White: -1}, "white_level -1")
	refused(inference.Description{Mean: []float32{0, float32(math.NaN()), 0}}, "not a finite number")
	refused(inference.Description{Std: []float32{1, 1, float32(math.Inf(1))}}, "not a finite number")
	refused(inference.Description{Classes: []string{"a", "a"}}, "a name of its own")
	write("m.json", "{}")
	refused(inference.Description{}, "remove one")
}

func TestRule(t *testing.T) {
	classes := []string{"a", "b=c", "d"}
	for _, test := range []struct {
		thresholds []string
		abstain    float64
		p          []float64
		want       int
	}{
		{[]string{"a=0.2"}, 0, []float64{0.2, 0.5, 0.3}, 0},
		{[]string{"a=0.6"}, 0, []float64{0.5, 0.2, 0.3}, 2},
		{[]string{"a=0.2", "b=c=0.2"}, 0.9, []float64{0.3, 0.4, 0.3}, 1},
		{[]string{"a=0.6"}, 0.4, []float64{0.5, 0.2, 0.3}, -1},
		{nil, 0.5, []float64{0.5, 0.5, 0}, 0},
		{nil, 0.6, []float64{0.5, 0.5, 0}, -1},
	} {
		r, err := inference.NewRule(classes, test.thresholds, test.abstain)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Decide(test.p); got != test.want {
			t.Errorf("%v, abstain %v: %v is decided as %d, want %d", test.thresholds, test.abstain, test.p, got, test.want)
		}
	}
	for _, bad := range []string{"a", "e=0.5", "a=2", "a=x"} {
		if _, err := inference.NewRule(classes, []string{bad}, 0); err == nil {
			t.Errorf("threshold %q is accepted", bad)
		}
	}
}

// TestJournal: whatever byte a journal was cut at, what is read of it are whole batches, and what is appended then
// stands behind them.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	samples := make([]data.Sample, 7)
	results := make([]inference.Result, len(samples))
	for i := range samples {
		samples[i].Path = strings.Repeat("x\n\xff", i)
		results[i] = inference.Result{Index: i, Probabilities: []float64{1. / 3, float64(i) / 7}}
	}
	source := inference.Source{Digest: "d", Batch: 3, Description: inference.Description{Classes: []string{"a", "b"}}}
	j, _, err := inference.OpenJournal(path, source, samples, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(results); err != nil {
		t.Fatal(err)
	}
	j.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := range len(whole) + 1 {
		if err := os.WriteFile(path, whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		j, done, err := inference.OpenJournal(path, source, samples, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(done)%3 != 0 && len(done) != len(samples) {
			t.Fatalf("%d results of %d bytes", len(done), size)
		}
		if err := j.Append(results[len(done):]); err != nil {
			t.Fatal(err)
		}
		j.Close()
		if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, whole) {
			t.Fatalf("cut at %d, the journal becomes\n%s", size, again)
		}
	}
	for _, other := range []inference.Source{{Digest: "e", Batch: 3}, {Digest: "d", Batch: 4}} {
		if _, _, err := inference.OpenJournal(path, other, samples, true); err == nil {
			t.Errorf("the results of another source are taken for those of %+v", other)
		}
	}
	text := strings.Replace(string(whole), "[0.3333333333333333,0]", "[0.3333333333333333]", 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := inference.OpenJournal(path, source, samples, true); err == nil || !strings.Contains(err.Error(), "result 1 has 1 probabilities for 2") {
		t.Errorf("error is %v", err)
	}
	slices.Reverse(samples)
	if _, _, err := inference.OpenJournal(path, source, samples, true); err == nil {
		t.Error("the results of other images are taken")
	}
}

// TestJournalRefusesReplacedImages: the result of a file says nothing of another that takes its name.
func TestJournalRefusesReplacedImages(t *testing.T) {
	dir := t.TempDir()
	samples := []data.Sample{{Path: filepath.Join(dir, "a.png")}}
	write := func(content string) {
		if err := os.WriteFile(samples[0].Path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	source := inference.Source{Batch: 1, Description: inference.Description{Classes: []string{"a", "b"}}}
	open := func(resume bool) (*inference.Journal, int, error) {
		j, done, err := inference.OpenJournal(filepath.Join(dir, "j"), source, samples, resume)
		return j, len(done), err
	}
	write("one")
	j, _, err := open(false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Append([]inference.Result{{Probabilities: []float64{0, 1}}}), j.Close()); err != nil {
		t.Fatal(err)
	}
	j, done, err := open(true)
	if err != nil || done != 1 {
		t.Fatal(done, err)
	}
	j.Close()
	write("three")
	if _, _, err := open(true); err == nil || !strings.Contains(err.Error(), "a.png was replaced") {
		t.Errorf("error is %v", err)
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/1.png", "a/b/2.PNG", "a/note.txt", "[x].png"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := inference.Paths([]string{dir + "/[x].png", dir + "/a", dir + "/a/*.txt", "-"}, strings.NewReader("one.png\r\n\ntwo"))
	want := []string{dir + "/[x].png", dir + "/a/1.png", dir + "/a/b/2.PNG", dir + "/a/note.txt", "one.png", "two"}
	for i := range got {
		got[i] = filepath.ToSlash(got[i])
	}
	for i := range want {
		want[i] = filepath.ToSlash(want[i])
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("paths are %q, error %v", got, err)
	}
	for _, list := range []string{"\ufeffx.png\r\n", "\xff\xfex\x00.\x00p\x00n\x00g\x00\r\x00\n\x00", "x.png\r"} {
		if got, err := inference.Paths([]string{"-"}, strings.NewReader(list)); err != nil || !slices.Equal(got, []string{"x.png"}) {
			t.Errorf("%q lists %q, error %v", list, got, err)
		}
	}
	if _, err := inference.Paths([]string{dir + "/none*"}, nil); err == nil {
		t.Error("a pattern that matches nothing is accepted")
	}
}

// TestDigest: weights in a file beside the model count.
func TestDigest(t *testing.T) {
	m, err := onnx.Open(root + "/models/imported/testdata/vit_dynamo18.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := onnx.Save(path, m.Proto, onnx.SaveOptions{External: true}); err != nil {
		t.Fatal(err)
	}
	before, err := inference.Digest(path)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := filepath.Glob(path + "?*")
	if err != nil || len(beside) != 1 {
		t.Fatalf("beside the model are %q, %v", beside, err)
	}
	weights, err := os.ReadFile(beside[0])
	if err != nil {
		t.Fatal(err)
	}
	weights[0] ^= 1
	if err := os.WriteFile(beside[0], weights, 0o644); err != nil {
		t.Fatal(err)
	}
	if after, err := inference.Digest(path); err != nil || after == before {
		t.Errorf("the digest of other weights is %s, %v", after, err)
	}
}

// TestTableNames: no class hides a column.
func TestTableNames(t *testing.T) {
	rule, err := inference.NewRule([]string{"a", "decision"}, nil, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		form, class string
		rule        *inference.Rule
		ok          bool
	}{{inference.CSV, "error", nil, false}, {inference.CSV, "path", nil, false}, {inference.CSV, "decision", nil, true},
		{inference.CSV, "decision", rule, false}, {inference.JSONLines, "error", nil, true}, {inference.CSV, "a,\"b\"\n../c", nil, true}} {
		if _, err := inference.NewTable(io.Discard, test.form, []string{"a", test.class}, test.rule); (err == nil) != test.ok {
			t.Errorf("a class %q, %s: %v", test.class, test.form, err)
		}
	}
}

func TestMatchClasses(t *testing.T) {
	m := inference.MatchClasses([]string{"a", "b", "x"}, []string{"c", "b", "a"})
	if !slices.Equal(m.Numbers, []int{2, 1, -1}) || !slices.Equal(m.Extra, []string{"x"}) ||
		!slices.Equal(m.Missing, []string{"c"}) || !m.Reordered {
		t.Errorf("the matching is %+v", m)
	}
}
