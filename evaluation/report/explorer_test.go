package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"regexp"
	"strings"
	"testing"

	"fovea/evaluation"
)

var cases = regexp.MustCompile(`(?s)<script type="application/json" id="cases">(.*?)</script>`)

// TestExplorer reads the images of a page as its script does: names are visible and end no element, each cell of the
// confusion matrix has as many images as it counts, and every picture is on the page once.
func TestExplorer(t *testing.T) {
	r := example(t)
	page := written(t, r)
	if written(t, r) != page {
		t.Error("the same report gives other bytes")
	}
	var x explorer
	if err := json.Unmarshal([]byte(cases.FindStringSubmatch(page)[1]), &x); err != nil {
		t.Fatal(err)
	}
	if want := `<script>alert("x")</script>&'\x00a\nb\x1b[31m\u202e`; x.Classes[1] != want ||
		x.Paths[3] != "test/"+want+"/3.png" {
		t.Errorf("class %q of image %q", x.Classes[1], x.Paths[3])
	}
	counts := [3][3]int{}
	for i, label := range x.Labels {
		counts[label][x.Predicted[i]]++
	}
	if want := evaluation.ConfusionMatrix(r.Test.Predictions); fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("cells %v, want %v", counts, want)
	}
	missing := 0
	for _, p := range x.Pictures {
		if p == "" {
			missing++
		}
	}
	listed := strings.Count(page, `<li data-row="`)
	if missing != listed || len(x.Pictures) != 60 || len(x.Figures) != 4 {
		t.Errorf("%d of %d pictures left out for %d that are listed, %d figures", missing, len(x.Pictures), listed, len(x.Figures))
	}
}

// TestManyImages: beyond the limits of a page only the hardest images have a picture, or the page leaves images out.
func TestManyImages(t *testing.T) {
	p := rows([]string{"a", "b"}, answer{0, 0, mostPictures, 0.9}, answer{1, 0, 50, 0.9})
	test := &Test{Predictions: p, Assessment: &evaluation.Assessment{}}
	opened := make(chan string, len(p.Rows))
	test.Open = func(path string) (image.Image, error) {
		opened <- path
		return nil, errors.New("gone")
	}
	x := test.explorer(nil, nil)
	if !strings.Contains(x.Left(), "5000 images") || len(opened) != mostPictures {
		t.Errorf("%q, %d opened", x.Left(), len(opened))
	}
	img, _ := noise("")
	if url, err := thumbnail(img, 98, 2500); err != nil || len(url) > 2500*4/3+40 {
		t.Errorf("a thumbnail of %d bytes: %v", len(url), err)
	}
	p.Rows = make([]evaluation.Prediction, mostCells/2+1)
	if test.explorer(nil, nil) != nil {
		t.Error("too many images are in a page")
	}
}
