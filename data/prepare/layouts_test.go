package prepare

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// A tree is a download: contents by path, in order.
type tree []entry

type entry struct {
	path    string
	content []byte
}

func (t *tree) add(path string, content []byte) { *t = append(*t, entry{path, content}) }

// without returns the entries whose path does not end in suffix.
func (t tree) without(suffix string) tree {
	var rest tree
	for _, e := range t {
		if !strings.HasSuffix(e.path, suffix) {
			rest = append(rest, e)
		}
	}
	return rest
}

// folder writes the tree into a new folder.
func (t tree) folder(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	for _, e := range t {
		path := filepath.Join(dir, filepath.FromSlash(e.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, e.content, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// zip returns the tree as an archive.
func (t tree) zip(tb testing.TB, method uint16) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range t {
		m, err := w.CreateHeader(&zip.FileHeader{Name: e.path, Method: method})
		if err == nil {
			_, err = m.Write(e.content)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// zipFile writes the tree into an archive of its own.
func (t tree) zipFile(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "download.zip")
	if err := os.WriteFile(path, t.zip(tb, zip.Deflate), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// tiny returns an image of which n is seen, for n below 4096, also through JPEG.
func tiny(tb testing.TB, n int, format string) []byte {
	tb.Helper()
	img := image.NewGray(image.Rect(0, 0, 24, 8))
	for x := range 24 {
		for y := range 8 {
			img.SetGray(x, y, color.Gray{uint8(n >> (4 * (x / 8)) & 15 * 16)})
		}
	}
	var b bytes.Buffer
	var err error
	if format == "png" {
		err = (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, img)
	} else {
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// octidFolders are folder, number of images: as in the dataverse.
func octidTree(tb testing.TB) tree {
	var t tree
	n := 0
	for _, class := range []struct {
		name   string
		images int
	}{{"NORMAL", 206}, {"AMRD", 55}, {"CSR", 102}, {"DR", 107}, {"MH", 102}} {
		for i := range class.images {
			t.add(fmt.Sprintf("%s/%s%d.jpeg", class.name, class.name, i+1), tiny(tb, n, "jpeg"))
			n++
		}
	}
	return t
}

func retinaTree(tb testing.TB) tree {
	t := tree{{"README.md", nil}, {"__MACOSX/dataset/1_normal/._NL_001.png", []byte("Mac OS X")}}
	n := 0
	for _, class := range []struct {
		folder, prefix string
		images         int
	}{{"1_normal", "NL", 300}, {"2_cataract", "cataract", 100}, {"2_glaucoma", "Glaucoma", 101},
		{"3_retina_disease", "Retina", 100}} {
		for i := range class.images {
			t.add(fmt.Sprintf("dataset/%s/%s_%03d.png", class.folder, class.prefix, i+1), tiny(tb, n, "png"))
			n++
		}
	}
	return t
}

func aptosTree(tb testing.TB) tree {
	var t tree
	var labels strings.Builder
	labels.WriteString("id_code,diagnosis\n")
	n := 0
	for grade, images := range []int{1805, 370, 999, 193, 295} {
		for range images {
			id := fmt.Sprintf("%012x", 0x1a2b3c*(n+1))
			fmt.Fprintf(&labels, "%s,%d\n", id, grade)
			t.add("train_images/"+id+".png", tiny(tb, n, "png"))
			n++
		}
	}
	t.add("train.csv", []byte(labels.String()))
	t.add("test.csv", []byte("id_code\n0005cfc8afb6\n"))
	t.add("sample_submission.csv", []byte("id_code,diagnosis\n0005cfc8afb6,0\n"))
	t.add("test_images/0005cfc8afb6.png", tiny(tb, n, "png"))
	return t
}

func jsiecTree(tb testing.TB) tree {
	var t tree
	n := 0
	for _, c := range jsiec.Classes {
		for i := range c.Images {
			t.add(fmt.Sprintf("1000images/%s/%d.JPG", c.Folder, 1000+i), tiny(tb, n, "jpg"))
			n++
		}
	}
	return t
}

// idridTree has the empty columns and rows of the official tables, and a part of the set that is not for grading.
func idridTree(tb testing.TB) tree {
	t := tree{{"A. Segmentation/1. Original Images/a. Training Set/IDRiD_01.jpg", tiny(tb, 4000, "jpg")}}
	n := 0
	for _, part := range []struct {
		images, labels string
		grades         [5]int
	}{
		{"a. Training Set", "a. IDRiD_Disease Grading_Training Labels.csv", [5]int{134, 20, 136, 74, 49}},
		{"b. Testing Set", "b. IDRiD_Disease Grading_Testing Labels.csv", [5]int{34, 5, 32, 19, 13}},
	} {
		var labels strings.Builder
		labels.WriteString("\ufeffImage name,Retinopathy grade,Risk of macular edema ,,,\r\n")
		i := 0
		for grade, images := range part.grades {
			for range images {
				i++
				fmt.Fprintf(&labels, "IDRiD_%03d,%d,0,,,\r\n", i, grade)
				t.add(fmt.Sprintf("B. Disease Grading/1. Original Images/%s/IDRiD_%03d.jpg", part.images, i), tiny(tb, n, "jpg"))
				n++
			}
		}
		labels.WriteString(",,,,,\r\n")
		t.add("B. Disease Grading/2. Groundtruths/"+part.labels, []byte(labels.String()))
	}
	return t
}

// messidor2Tree has 874 pairs of eyes, 4 eyes without a grade, and endings in the table that differ from the files'.
func messidor2Tree(tb testing.TB) tree {
	var t tree
	grades := []string{"", "", "", ""}
	for grade, images := range []int{1017, 270, 347, 75, 35} {
		for range images {
			grades = append(grades, fmt.Sprint(grade))
		}
	}
	labels, pairs := "image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable\n", "left;right\n"
	name := func(n int) string {
		if n < 1058 {
			return fmt.Sprintf("20051020_%05d_0100_PP.png", 43808+n)
		}
		return fmt.Sprintf("IM%06d.JPG", n)
	}
	for n := range grades {
		grade := grades[n*5%len(grades)] // 5 and 1748 have no common divisor; so eyes of a pair differ at times
		gradable := "1"
		if grade == "" {
			gradable = "0"
		}
		labels += strings.Replace(name(n), ".JPG", ".jpg", 1) + "," + grade + ",0," + gradable + "\n"
		t.add("IMAGES/"+name(n), tiny(tb, n, "png"))
		if n%2 == 1 {
			pairs += name(n-1) + ";" + name(n) + "\n"
		}
	}
	t.add("messidor_data.csv", []byte(labels))
	t.add("messidor-2.csv", []byte(pairs))
	return t
}

func papilaTree(tb testing.TB) tree {
	const top = "PapilaDB-PAPILA-17f8fa77/"
	var t tree
	for _, name := range []string{"patient_data_od.xlsx", "patient_data_os.xlsx"} {
		content, err := os.ReadFile("testdata/papila/" + name)
		if err != nil {
			tb.Fatal(err)
		}
		t.add(top+"ClinicalData/"+name, content)
	}
	rows, err := readTable(testFile(tb, "testdata/papila/diagnosis.csv"), "patient")
	if err != nil {
		tb.Fatal(err)
	}
	for i, r := range rows {
		patient := r.cells[0][1:]
		t.add(top+"FundusImages/RET"+patient+"OD.jpg", tiny(tb, 2*i, "jpg"))
		t.add(top+"FundusImages/RET"+patient+"OS.jpg", tiny(tb, 2*i+1, "jpg"))
		t.add(top+"ExpertsSegmentations/ImagesWithContours/Opht_cont_RET"+patient+"OD.jpg", tiny(tb, 4000, "jpg"))
	}
	return t
}

func glaucomaTree(tb testing.TB) tree {
	var t tree
	n := 0
	for _, class := range []struct {
		folder string
		images int
	}{{"normal_control", 788}, {"early_glaucoma", 289}, {"advanced_glaucoma", 467}} {
		for i := range class.images {
			t.add(fmt.Sprintf("%s/%d.png", class.folder, i+1), tiny(tb, n, "png"))
			n++
		}
	}
	return t
}

func testFile(tb testing.TB, path string) *file {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return memory(path, content)
}

func bmpOf(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, img); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
