package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"image"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

const weird = `<script>alert("x")</script>&'` + "\x00a\nb\x1b[31m\u202e"

// noise is an image that compresses badly, as large as a thumbnail.
func noise(string) (image.Image, error) { return noisy(), nil }

var noisy = sync.OnceValue(func() image.Image {
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(0, 0, 224, 120))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.Uint32())
	}
	return img
})

// example is the report of a run of three epochs. Of 60 images of three classes, 30 to 20 to 10, all of the first and
// half of the second are classified right.
func example(t *testing.T) *Report {
	t.Helper()
	p := &evaluation.Predictions{Classes: []string{"normal", weird, "rare"}}
	for i := range 60 {
		row := evaluation.Prediction{Path: fmt.Sprintf("test/%s/%d.png", weird, i), Probabilities: []float64{0.6, 0.3, 0.1}}
		switch {
		case i >= 50:
			row.Label = 2
		case i >= 40:
			row.Label, row.Probabilities = 1, []float64{0.2, 0.7, 0.1}
		case i >= 30:
			row.Label = 1
		}
		p.Rows = append(p.Rows, row)
	}
	test := testOf(t, p)
	test.Open = noise
	r := &Report{Name: weird, Subject: weird, Classes: p.Classes, Written: time.Unix(0, 0), Config: "name = '" + weird + "'",
		Run: &Run{Status: Finished, Epochs: 3, Best: 1, Selection: "score",
			Rates: []figures.Series{{Name: "all layers", Values: []float64{0, 1e-3, 1e-4}}}},
		Splits: []figures.Split{{Name: "train", Counts: []int{1, 2, 3}}, {Name: "test", Counts: []int{30, 20, 10}}},
		Repeats: &Repeats{Groups: []Repeat{
			{Files: []File{{"train", "normal", "train/a.png"}, {"test", "normal", "test/b.png"}}},
			{Files: []File{{"test", "normal", "c.png"}, {"test", "rare", "d.png"}}, Pixels: true},
			{Files: []File{{"train", "rare", "e.png"}, {"train", "rare", "f.png"}}}}},
		Facts: []Fact{{"Go", weird}}, Commands: []Command{{"Train", "trainer " + weird}},
		Test: test}
	for range 3 {
		r.Run.History = append(r.Run.History, Epoch{TrainLoss: 1, Val: test.Metrics})
	}
	return r
}

func testOf(t *testing.T, p *evaluation.Predictions) *Test {
	t.Helper()
	test, err := NewTest(t.Context(), "test", p, evaluation.Intervals{Rounds: 50}, evaluation.Breakdown{})
	if err != nil {
		t.Fatal(err)
	}
	return test
}

func written(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// holds fails for each of some texts that is not in a page.
func holds(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

func said(v verdict) string {
	return strings.Join(slices.Concat([]string{v.Head}, v.Rest, v.Cautions), "\n")
}

// TestOneInterval: the verdict and the table have the same interval of the accuracy.
func TestOneInterval(t *testing.T) {
	r := example(t)
	row := r.Test.rows()[0]
	holds(t, said(r.verdict()), percent(row.Interval.Low)+" to "+percent(row.Interval.High))
	if accuracy := measured(r.Test.Assessment.Measures, "accuracy"); row.Name != "Accuracy" ||
		*accuracy.Interval != *row.Interval {
		t.Errorf("%+v", row)
	}
}

func TestVerdict(t *testing.T) {
	holds(t, said(example(t).verdict()), "66.7 % of 60 test images", "interval 54.1 % to 77.3 %", "“normal”, would be right for 50.0 %",
		"better by 16.7 percentage points", "never predicts “rare”", "fewer than 30", "“rare” (10)",
		"1 image is in more than one split", "1 image is filed under more than one class")

	r := example(t)
	r.Test, r.Run.Status, r.Repeats = nil, Running, nil
	holds(t, said(r.verdict()), "nothing has been tested yet", "Epoch 2 is the best so far", "were not compared")
}

type answer struct {
	label, class, times int
	p                   float64
}

// rows are predictions of a class with a probability; the rest goes to the next one.
func rows(classes []string, answers ...answer) *evaluation.Predictions {
	p := &evaluation.Predictions{Classes: classes}
	for _, s := range answers {
		for range s.times {
			x := evaluation.Prediction{Path: fmt.Sprint(len(p.Rows)), Label: s.label, Probabilities: make([]float64, len(classes))}
			x.Probabilities[s.class] = s.p
			x.Probabilities[(s.class+1)%len(classes)] += 1 - s.p
			p.Rows = append(p.Rows, x)
		}
	}
	return p
}

// TestVerdictIsHonest: what is said of models and tests that show little.
func TestVerdictIsHonest(t *testing.T) {
	for name, c := range map[string]struct {
		p         *evaluation.Predictions
		has, lack []string
	}{
		"few, all right": {rows([]string{"a", "b"}, answer{0, 0, 4, 0.9}, answer{1, 1, 4, 0.9}),
			[]string{"100.0 % of 8 test images", "too few images to rely on", "67.6 % to 100.0 %", "Sensitivity 100.0 %: 4 of 4 images of “b” were found", "51.0 % to 100.0 %"},
			[]string{"interval 100.0 %"}},
		"untrained": {rows([]string{"a", "b", "c"}, answer{0, 0, 60, 0.4}, answer{1, 0, 50, 0.4}, answer{2, 0, 40, 0.4}),
			[]string{"not shown to be better", "gives the same answer for every image", "not shown to be better than guessing", "never predicts"}, nil},
		"worse": {rows([]string{"a", "b"}, answer{0, 1, 80, 0.9}, answer{0, 0, 10, 0.9}, answer{1, 0, 20, 0.9}), []string{"worse than that"},
			[]string{"more than chance explains"}},
		"one class absent": {rows([]string{"a", "b", "c"}, answer{0, 0, 60, 0.9}, answer{1, 1, 50, 0.9}, answer{1, 2, 5, 0.8}),
			[]string{"There is no image of “c”", "mean AUC of the 2 classes that have images"}, []string{"“c” (0)"}},
		"one class only": {rows([]string{"a", "b"}, answer{0, 0, 40, 0.9}, answer{0, 1, 5, 0.9}),
			[]string{"All images are of the class “a”", "There is no AUC"}, []string{"0.500", "Kappa, the", "better"}},
	} {
		r := &Report{Test: testOf(t, c.p), Classes: c.p.Classes, Splits: []figures.Split{{Name: "test", Counts: make([]int, len(c.p.Classes))}}}
		text := said(r.verdict())
		holds(t, text, append(c.has, "trained on any of these images")...)
		for _, no := range c.lack {
			if strings.Contains(text, no) {
				t.Errorf("%s: the verdict says %q:\n%s", name, no, text)
			}
		}
		if page := written(t, r); strings.Contains(page, "NaN") {
			t.Errorf("%s: the page has NaN", name)
		}
	}
}

func TestHardestFirst(t *testing.T) {
	r := example(t)
	rows := r.Test.hardest()
	if len(rows) != 20 || rows[0].Label != 2 || rows[19].Label != 1 {
		t.Errorf("%d errors, the first of class %d, the last of %d", len(rows), rows[0].Label, rows[len(rows)-1].Label)
	}
	if rows = r.Test.surest(); len(rows) != sheetImages || rows[0].Label != 1 {
		t.Errorf("%d right, the first of class %d", len(rows), rows[0].Label)
	}
}

var (
	tag     = regexp.MustCompile(`<([a-z][a-z0-9]*)([^>]*)>`)
	id      = regexp.MustCompile(` id="([^"]*)"`)
	link    = regexp.MustCompile(` (?:href|src|action|srcset|poster)="([^"]*)"`)
	inner   = regexp.MustCompile(` (?:href|aria-labelledby)="#?([a-z0-9-]*)"`)
	script  = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	heading = regexp.MustCompile(`<h([1-6])[^>]*>`)
	picture = regexp.MustCompile(`<img src="data:image/(png|jpeg|svg&#43;xml);base64,([^"]*)" alt="([^"]*)">`)
)

// TestPages checks what a browser is not needed for; that all of it is one file, escaped, and can be read without
// seeing it.
func TestPages(t *testing.T) {
	pages := map[string]*Report{"finished": example(t)}
	r := example(t)
	r.Test, r.Run.Status = nil, Running
	pages["running"] = r
	pages["begun"] = &Report{Classes: r.Classes, Splits: r.Splits[:1], Run: &Run{Status: Running, Epochs: 3, Best: -1}}
	r = example(t)
	r.Splits[0].Counts = make([]int, 3)
	r.Test.Open = func(string) (image.Image, error) { return nil, errors.New("gone") }
	r.Repeats = nil
	pages["little"] = r
	r = example(t)
	r.Run, r.Config, r.Repeats, r.Test.Open, r.Test.Split = nil, "", nil, nil, "val"
	pages["evaluation"] = r
	for name, r := range pages {
		pictures, err := r.Pictures()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pictures {
			if !slices.Contains(pictureNames, p.Name) {
				t.Errorf("%s: the picture %s is not in pictureNames, so an old one would stay in the folder", name, p.Name)
			}
		}
		page := written(t, r)
		if strings.ContainsAny(page, "\x00\x1b\u202e") || !strings.Contains(page, `a\nb\x1b[31m\u202e`) {
			t.Errorf("%s: the name of a class or of the report is not visible", name)
		}
		if strings.Contains(page, "ZgotmplZ") || strings.Contains(strings.ReplaceAll(page, "http-equiv", ""), "http") {
			t.Errorf("%s: something is filtered, or from elsewhere", name)
		}
		scripts := script.FindAllStringSubmatch(page, -1)
		for _, s := range scripts {
			sum := sha256.Sum256([]byte(s[1]))
			if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(html.UnescapeString(page), "script-src 'sha256-"+hash+"'") {
				t.Errorf("%s: a script that the page does not allow: %s", name, s[1])
			}
		}
		want := 0
		if r.Run != nil && r.Run.Status == Running {
			want++
		}
		if r.Test != nil {
			want++
		}
		// The data of a script is in an element of its own, which does not run.
		if all := strings.Count(page, "<script") - strings.Count(page, `<script type="application/json"`); len(scripts) != want || all != want {
			t.Errorf("%s: %d scripts", name, len(scripts))
		}
		ids := map[string]bool{}
		for _, m := range id.FindAllStringSubmatch(page, -1) {
			if ids[m[1]] {
				t.Errorf("%s: id %s is there twice", name, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range inner.FindAllStringSubmatch(page, -1) {
			if !ids[m[1]] {
				t.Errorf("%s: nothing has the id %s", name, m[1])
			}
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "data:") {
				t.Errorf("%s: a link to %s", name, m[1])
			}
		}
		level := '0'
		for _, m := range heading.FindAllStringSubmatch(page, -1) {
			if next := rune(m[1][0]); next > level+1 {
				t.Errorf("%s: heading %c follows %c", name, next, level)
			} else {
				level = next
			}
		}
		images := picture.FindAllStringSubmatch(page, -1)
		if n := strings.Count(page, "<img"); n != len(images) || n == 0 {
			t.Errorf("%s: %d of %d images are embedded and described", name, len(images), n)
		}
		for _, m := range images {
			content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(m[2], "&#43;", "+"))
			if err != nil || m[3] == "" {
				t.Errorf("%s: an image of kind %s with the words %q: %v", name, m[1], m[3], err)
			}
			if !strings.HasPrefix(m[1], "svg") && len(content) > thumbnailBytes {
				t.Errorf("%s: a thumbnail of %d bytes", name, len(content))
			}
		}
		for _, m := range tag.FindAllStringSubmatch(page, -1) {
			if m[1] == "th" && !strings.Contains(m[2], "scope=") {
				t.Errorf("%s: a table heading without a scope: %s", name, m[0])
			}
		}
	}
}

// What a page says of patients in two splits depends on whether patients are known.
func TestPatientsOfSplits(t *testing.T) {
	const unseen = "Fovea cannot see whether a patient"
	for _, c := range []struct {
		patients *Patients
		want     string
		unseen   bool
	}{
		{nil, unseen, true},
		{&Patients{Number: 30}, "The images are of 30 patients. No patient has images in more than one split.", false},
		{&Patients{Number: 30, Shared: 2}, "2 patients have images in more than one split", false},
		{&Patients{Number: 30, Unknown: 1}, "The patient of 1 image is not known.", false},
	} {
		r := example(t)
		r.Patients = c.patients
		page := written(t, r)
		holds(t, page, c.want)
		if strings.Contains(page, unseen) != c.unseen {
			t.Errorf("%+v: the page speaks of what cannot be seen", c.patients)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	if err := Write(&bytes.Buffer{}, &Report{}); err == nil {
		t.Error("no error without classes")
	}
	r := example(t)
	r.Test.Predictions.Rows = nil
	var b bytes.Buffer
	if err := Write(&b, r); err == nil || b.Len() > 0 {
		t.Errorf("%v after %d bytes", err, b.Len())
	}
}

// TestPatients: a page says that intervals are by patient, and tells units and subgroups apart.
func TestPatients(t *testing.T) {
	p := &evaluation.Predictions{Classes: []string{"healthy", "glaucoma"}, Attributes: []string{"patient", "sex"}}
	for i := range 120 {
		x := evaluation.Prediction{Path: fmt.Sprint(i), Label: i / 2 % 2, Probabilities: []float64{0.75, 0.25},
			Attributes: []string{fmt.Sprint("p", i/2), "<FM"[i/40%3 : i/40%3+1]}}
		if i%9 > 0 && x.Label == 1 || i%11 == 0 {
			slices.Reverse(x.Probabilities)
		}
		p.Rows = append(p.Rows, x)
	}
	p.Rows[0].Attributes[1], p.Rows[1].Attributes[1] = "", ""
	by, err := evaluation.ParseGroupings([]string{"sex"})
	if err != nil {
		t.Fatal(err)
	}
	splits := []figures.Split{{Name: "test", Counts: []int{60, 60}}}
	for per, want := range map[evaluation.Unit][]string{
		evaluation.ByImage: {"of 120 test images", "They are of 60 patients.", "Intervals are by patient:", "By image, eye and patient",
			`<th scope="row">&lt;</th>`, "at this threshold: argmax, a probability of", `data-name="patients">20<`,
			"Groups that are too small"},
		evaluation.ByPatient: {"of 60 test patients", "Results are of patients: the probabilities are the mean", "30 patients of “glaucoma”"},
	} {
		test, err := NewTest(t.Context(), "test", p, evaluation.Intervals{Rounds: 50}, evaluation.Breakdown{Per: per, By: by})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, written(t, &Report{Test: test, Classes: p.Classes, Splits: splits}), want...)
	}
}
