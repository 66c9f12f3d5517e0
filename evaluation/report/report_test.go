package report

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/evaluation"
	"fovea/evaluation/figures"
)

const weird = `<script>alert("x")</script>&'` + "\x00"

// noise is a large image that compresses badly.
func noise(string) (image.Image, error) {
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(0, 0, 700, 500))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.Uint32())
	}
	return img, nil
}

// example is the report of a run of three epochs. Of 60 images of three classes,
// 30 to 20 to 10, all of the first and half of the second are classified right.
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
	m, _, err := evaluation.Compute(p)
	if err != nil {
		t.Fatal(err)
	}
	a, err := evaluation.Assess(t.Context(), p, evaluation.Intervals{Rounds: 50})
	if err != nil {
		t.Fatal(err)
	}
	r := &Report{Name: weird, Dataset: weird, Model: weird, Classes: p.Classes, Status: Finished, Written: time.Unix(0, 0),
		Epochs: 3, Best: 1, Selection: "score", Config: "name = '" + weird + "'",
		Splits: []figures.Split{{Name: "train", Counts: []int{1, 2, 3}}, {Name: "test", Counts: []int{30, 20, 10}}},
		Rates:  []figures.Series{{Name: "all layers", Values: []float64{0, 1e-3, 1e-4}}},
		Repeats: &Repeats{Groups: []Repeat{
			{Files: []File{{"train", "normal", "train/a.png"}, {"test", "normal", "test/b.png"}}},
			{Files: []File{{"test", "normal", "c.png"}, {"test", "rare", "d.png"}}, Pixels: true},
			{Files: []File{{"train", "rare", "e.png"}, {"train", "rare", "f.png"}}}}},
		Facts: []Fact{{"Go", weird}}, Commands: []Command{{"Train", "trainer " + weird}},
		Test: &Test{Metrics: m, Predictions: p, Assessment: a, Open: noise}}
	for range 3 {
		r.History = append(r.History, Epoch{TrainLoss: 1, Val: m})
	}
	return r
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

func TestVerdict(t *testing.T) {
	v, err := example(t).verdict()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(slices.Concat([]string{v.Head}, v.Rest, v.Cautions), "\n")
	holds(t, all, "66.7 % of 60 test images", "“normal”, would be right for 50.0 %", "better by 16.7 points",
		"Never predicted, though there are such images: “rare”", "Fewer than 30", "“rare” (10)",
		"1 image is in more than one split", "1 image is filed under more than one class")

	// All said to be normal: no better than always saying so.
	r := example(t)
	for i := range r.Test.Predictions.Rows {
		r.Test.Predictions.Rows[i].Probabilities = []float64{1, 0, 0}
	}
	r.Test.Metrics.Accuracy, r.Test.Assessment = 0.5, nil
	if v, err = r.verdict(); err != nil {
		t.Fatal(err)
	}
	holds(t, strings.Join(v.Rest, " "), "not shown to be better")

	r.Test, r.Status = nil, Running
	if v, err = r.verdict(); err != nil {
		t.Fatal(err)
	}
	holds(t, v.Head+strings.Join(v.Rest, " "), "nothing has been tested yet", "Best so far", "epoch 2")
}

func TestHardestFirst(t *testing.T) {
	r := example(t)
	rows := r.Test.hardest()
	if len(rows) != 20 || rows[0].Label != 2 || rows[19].Label != 1 {
		t.Errorf("%d errors, the first of class %d, the last of %d", len(rows), rows[0].Label, rows[len(rows)-1].Label)
	}
	if rows = r.Test.surest(); len(rows) != shown || rows[0].Label != 1 {
		t.Errorf("%d right, the first of class %d", len(rows), rows[0].Label)
	}
}

var (
	tag     = regexp.MustCompile(`<([a-z][a-z0-9]*)([^>]*)>`)
	id      = regexp.MustCompile(` id="([^"]*)"`)
	link    = regexp.MustCompile(` (?:href|src|action|srcset|poster)="([^"]*)"`)
	inner   = regexp.MustCompile(` (?:href|aria-labelledby)="#?([a-z0-9-]*)"`)
	heading = regexp.MustCompile(`<h([1-6])[^>]*>`)
	picture = regexp.MustCompile(`<img src="data:image/(png|jpeg|svg&#43;xml);base64,([^"]*)" alt="([^"]*)">`)
)

// TestPages checks what a browser is not needed for; that all of it is one file,
// escaped, and can be read without seeing it.
func TestPages(t *testing.T) {
	pages := map[string]*Report{"finished": example(t)}
	r := example(t)
	r.Test, r.Status = nil, Running
	pages["running"] = r
	pages["begun"] = &Report{Classes: r.Classes, Splits: r.Splits[:1], Status: Running, Epochs: 3, Best: -1}
	r = example(t)
	r.Splits[0].Counts = make([]int, 3)
	r.Test.Open = func(string) (image.Image, error) { return nil, errors.New("gone") }
	r.Repeats, r.Test.Assessment = nil, nil
	pages["little"] = r
	for name, r := range pages {
		page := written(t, r)
		if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "<script") || strings.Contains(page, "http") &&
			strings.Contains(strings.ReplaceAll(page, "http-equiv", ""), "http") {
			t.Errorf("%s: something is not escaped, filtered, or from elsewhere", name)
		}
		if refresh := strings.Contains(page, `http-equiv="refresh"`); refresh != (r.Status == Running) {
			t.Errorf("%s: loads itself again: %v", name, refresh)
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
