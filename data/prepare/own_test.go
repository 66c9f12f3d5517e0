package prepare

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/disintegration/imaging"

	"fovea/data"
	"fovea/data/labels"
	"fovea/data/splits"
)

// own writes a folder with images of n patients, two eyes each, and returns its path and the rows of a table.
func own(t *testing.T, n int) (dir string, rows []string) {
	t.Helper()
	dir = t.TempDir()
	rows = []string{"image;grade;patient;eye;age"}
	for i := range 2 * n {
		name := fmt.Sprintf("eye %03d.png", i)
		save(t, filepath.Join(dir, "photos", name), retinaOf(uint64(i)))
		rows = append(rows, fmt.Sprintf("%s;%d;%d;%s;%d", strings.TrimSuffix(name, ".png"), i/2%3, 100+i/2, []string{"OD", "OS"}[i%2], 50+i))
	}
	return dir, rows
}

// retinaOf draws a bright disc with spots of its own on black.
func retinaOf(seed uint64) *image.NRGBA {
	const side = 96
	r := rand.New(rand.NewPCG(seed, 4))
	spots := imaging.Resize(noise(r, 8), side, side, imaging.Linear)
	img := image.NewNRGBA(image.Rect(0, 0, side+40, side))
	for y := range side {
		for x := range side + 40 {
			c := color.NRGBA{2, 2, 2, 255}
			if dx, dy := x-side/2-20, y-side/2; dx*dx+dy*dy < (side/2-4)*(side/2-4) {
				s := spots.NRGBAAt(min(max(x-20, 0), side-1), y)
				c = color.NRGBA{120 + s.R/4, 60 + s.G/4, 30 + s.B/8, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func noise(r *rand.Rand, side int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.UintN(256))
	}
	return img
}

func save(t *testing.T, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	err := png.Encode(&b, img)
	if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func writeTable(t *testing.T, dir string, rows []string) string {
	t.Helper()
	path := filepath.Join(dir, "labels.csv")
	if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every row and image is accounted for, and the manifest is a table of labels with the same splits.
func TestOwn(t *testing.T) {
	dir, rows := own(t, 30)
	photos := filepath.Join(dir, "photos")
	rows = append(rows, "missing;1;900;OD;60", "eye 001.png;1;101;OD;") // the second is a row too many
	if _, err := labels.Open(writeTable(t, dir, rows), photos, labels.Options{}); err == nil {
		t.Error("an image with two rows is accepted")
	}
	rows = append(rows[:len(rows)-1], "broken.png;1;901;OD;", "bright.png;2;902;OD;33", "unlabelled.png;;903;OD;", "part;0;;;")
	save(t, filepath.Join(photos, "bright.png"), imaging.New(90, 60, color.NRGBA{200, 90, 60, 255}))
	save(t, filepath.Join(photos, "unlabelled.png"), retinaOf(1000))
	save(t, filepath.Join(photos, "extra.png"), retinaOf(1001))
	save(t, filepath.Join(photos, "part.png"), imaging.Crop(retinaOf(0), image.Rect(6, 4, 130, 92)))
	if err := os.WriteFile(filepath.Join(photos, "broken.png"), []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Source: photos, Dest: filepath.Join(dir, "prepared"), Crop: true,
		Own: &Own{Labels: writeTable(t, dir, rows), Shares: splits.Shares{0.6, 0.2, 0.2}, Seed: 3}}
	plan, err := prepared(t, o)
	if err != nil {
		t.Fatal(err)
	}
	report := plan.Report()
	for _, line := range []string{
		"labels.csv: 62 images\n",
		`read: image = "image", label = "grade", patient = "patient", eye = "eye", age = "age"`,
		"rows 65: used 62, without an image 1, without a label 1, with an unreadable image 1\nimages without a row: 1\n",
		"cropped: 61 of 62\n",
		"nearly identical images, by a cut, a new size, brightness or compression: 1\n",
		"patients with several images: 30, of which in two splits: 0\n",
		"not cropped, copied as they are, since no background was found: 1 images\n",
	} {
		if !strings.Contains(report, line) {
			t.Errorf("the report lacks %q:\n%s", line, report)
		}
	}

	// The folders, the manifest and the images agree.
	set, err := data.Open(o.Dest)
	if err != nil {
		t.Fatal(err)
	}
	again, err := labels.Open(filepath.Join(o.Dest, manifestFile), o.Dest, labels.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(again.LeftOut) > 0 || len(again.All.Samples) != 62 {
		t.Errorf("the manifest labels %d images, and leaves out %v", len(again.All.Samples), again.LeftOut)
	}
	if got := strings.Join(again.All.Attributes, " "); got != "patient eye age" {
		t.Errorf("attributes %s", got)
	}
	number := map[string]int{}
	for _, split := range again.Given {
		number[split]++
	}
	if number["train"] != len(set.Train.Samples) || number["val"] != len(set.Val.Samples) || number["test"] != len(set.Test.Samples) {
		t.Errorf("the manifest has %v", number)
	}
	file, err := os.Open(filepath.Join(o.Dest, "left_out.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if left, err := csv.NewReader(file).ReadAll(); err != nil || len(left) != 5 {
		t.Errorf("left_out.csv has %d rows, want a header and 4: %v", len(left), err)
	}
	original, err := os.ReadFile(filepath.Join(photos, "bright.png"))
	if err != nil {
		t.Fatal(err)
	}
	copies, _ := filepath.Glob(filepath.Join(o.Dest, "*", "2", "bright.png"))
	if len(copies) != 1 {
		t.Fatalf("bright.png is in %q", copies)
	}
	if content, err := os.ReadFile(copies[0]); err != nil || !bytes.Equal(content, original) {
		t.Errorf("an image without a background was not copied: %v", err)
	}
}

// A table whose splits share a patient or an image is refused, unless that is wanted. So are classes that are no folders.
func TestOwnRefuses(t *testing.T) {
	dir, rows := own(t, 12)
	rows[0] += ";split" // six patients train, three are val and three test, but one eye of the first is test
	for i := range rows[1:] {
		split := []string{"train", "train", "val", "test"}[i/6]
		if i == 1 {
			split = "test"
		}
		rows[i+1] += ";" + split
	}
	o := Options{Source: filepath.Join(dir, "photos"), Dest: filepath.Join(dir, "prepared"),
		Own: &Own{Labels: writeTable(t, dir, rows), Shares: splits.Shares{0.6, 0.2, 0.2}}}
	_, err := prepared(t, o)
	want := `1 patient is in more than one split, so the test would look too good; the first: the patient "100" has ` +
		`"eye 000.png" in train and "eye 001.png" in test; change the splits, or accept this with -allow-leaks`
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	o.Own.AllowLeaks = true
	if _, err := prepared(t, o); err != nil {
		t.Error(err)
	}

	rows[1] = strings.Replace(rows[1], ";0;", ";0/1;", 1)
	o.Own.Labels, o.Dest = writeTable(t, dir, rows), filepath.Join(dir, "other")
	if _, err := prepared(t, o); err == nil || !strings.Contains(err.Error(), `the class "0/1" cannot be the name of a folder`) {
		t.Errorf("a class with a slash: %v", err)
	}
	if entries, err := filepath.Glob(filepath.Join(dir, "*other*")); err != nil || entries != nil {
		t.Errorf("an error leaves %q", entries)
	}
}
