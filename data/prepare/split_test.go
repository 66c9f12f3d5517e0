package prepare

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/data"
)

// Images with the same pixels lie in one split, whatever their files and labels are, and are reported.
func TestIdenticalImages(t *testing.T) {
	tr := smallTree(t)
	tr = tr.replaced("healthy/b.png", tr[0].content)         // a = b
	tr = tr.replaced("ill/k.png", recoded(t, tr[2].content)) // c = k by pixels, with another label
	tr = tr.replaced("ill/m.png", tr[11].content)            // l = m = n
	tr = tr.replaced("ill/n.png", tr[11].content)
	plan, err := prepared(t, Options{Set: small, Source: tr.zipFile(t)})
	if err != nil {
		t.Fatal(err)
	}
	split := map[string]int{}
	for _, img := range plan.Images {
		split[filepath.Base(img.Source)] = img.Split
	}
	if split["a.png"] != split["b.png"] || split["c.png"] != split["k.png"] ||
		split["l.png"] != split["m.png"] || split["l.png"] != split["n.png"] {
		t.Errorf("identical images lie in different splits: %v", split)
	}
	report := plan.Report()
	for _, want := range []string{"identical images with different labels, kept in one split: 1\n",
		"/a/c.png = ", "identical images, kept in one split: 2\n"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
}

// Where sizes or the official test tear identical images apart, the report says so.
func TestIdenticalImagesApart(t *testing.T) {
	tr := idridTree(t)
	first := tr[1]
	const test = "B. Disease Grading/1. Original Images/b. Testing Set/IDRiD_001.jpg"
	plan, err := New(t.Context(), Options{Set: idrid, Source: tr.replaced(test, first.content).zipFile(t),
		Dest: filepath.Join(t.TempDir(), "x")})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	const title = "identical images in different splits, which the sizes or the official test demand: 1\n"
	if report := plan.Report(); !strings.Contains(report, title) ||
		!strings.Contains(report, "test/anoDR/IDRiD_001.jpg") {
		t.Error(report)
	}
	for _, img := range plan.Images {
		if official := strings.Contains(img.Source, "b. Testing Set"); official != (img.Split == Test) {
			t.Errorf("%s is in %s", img.Source, SplitNames[img.Split])
		}
	}
}

func recoded(t *testing.T, content []byte) []byte {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(b.Bytes(), content) {
		t.Fatal("the file is the same")
	}
	return b.Bytes()
}

// For random patients and sizes, assign always fills the sizes exactly, and does not depend on the order of images.
func TestAssign(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		sizes := make([]Sizes, 1+random.IntN(4))
		var images []*Image
		for class := range sizes {
			sizes[class] = Sizes{1 + random.IntN(30), 1 + random.IntN(10), 1 + random.IntN(15)}
			for range sizes[class][Train] + sizes[class][Val] + sizes[class][Test] {
				n := len(images)
				images = append(images, &Image{Class: class, SHA256: fmt.Sprintf("%04x", n*7919%65536),
					Patient: fmt.Sprint(random.IntN(60)), fingerprint: data.Fingerprint{Pixels: [32]byte{byte(n), byte(n >> 8)}}})
			}
		}
		assign(images, sizes)
		got := make([]Sizes, len(sizes))
		want := map[string]int{}
		for _, img := range images {
			got[img.Class][img.Split]++
			want[img.SHA256] = img.Split
		}
		if !slices.Equal(got, sizes) {
			t.Fatalf("sizes %v, want %v", got, sizes)
		}
		random.Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
		assign(images, sizes)
		for _, img := range images {
			if img.Split != want[img.SHA256] {
				t.Fatal("the splits depend on the order of images")
			}
		}
	}
}

// A change of the algorithm, or of the generator below it, changes everybody's splits and must not go unseen.
func TestSplitsStay(t *testing.T) {
	var images []*Image
	for i := range 40 {
		images = append(images, &Image{Class: i / 30, SHA256: fmt.Sprintf("%02x", i*37%256),
			fingerprint: data.Fingerprint{Pixels: [32]byte{byte(i)}},
			Patient:     fmt.Sprint(i / 2 * 2 % 36)})
	}
	assign(images, []Sizes{{16, 5, 9}, {5, 2, 3}})
	got := ""
	for _, img := range images {
		got += fmt.Sprint(img.Split)
	}
	if want := "0120200201201020120022002010000020021210"; got != want {
		t.Errorf("splits %s, want %s", got, want)
	}
}
