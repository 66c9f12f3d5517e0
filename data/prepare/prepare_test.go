package prepare

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"fovea/data"
)

// prepared makes a set, in a new folder if none is given.
func prepared(t *testing.T, o Options) (*Plan, error) {
	t.Helper()
	if o.Dest == "" {
		o.Dest = filepath.Join(t.TempDir(), "result")
	}
	plan, err := New(t.Context(), o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(plan.Close)
	return plan, plan.Write(t.Context())
}

var octid, retina, aptos2019, jsiec = Find("octid"), Find("retina"), Find("aptos2019"), Find("jsiec")
var idrid, messidor2, papila, glaucomaFundus = Find("idrid"), Find("messidor2"), Find("papila"), Find("glaucoma_fundus")

// The sizes and folders are those of RETFound's own splits; JSIEC's test is what 1,000 images leave.
var published = []struct {
	set              *Set
	tree             func(testing.TB) tree
	train, val, test int
	folders          string // in the order of classes
	patients, apart  int    // PAPILA's 244 pairs cannot make 311, 79 and 98 without tearing one
}{
	{octid, octidTree, 316, 82, 174, "ANormal ARMD CSR Diabetic_retinopathy Macular_Hole", 0, 0},
	{retina, retinaTree, 336, 84, 181, "anormal bcataract cglaucoma ddretina_disease", 0, 0},
	{aptos2019, aptosTree, 2048, 514, 1100, "anodr bmilddr cmoderatedr dseveredr eproliferativedr", 0, 0},
	{jsiec, jsiecTree, 534, 150, 316, "", 0, 0},
	{idrid, idridTree, 329, 84, 103, "anoDR bmildDR cmoderateDR dsevereDR eproDR", 0, 0},
	{messidor2, messidor2Tree, 972, 246, 526, "anodr bmilddr cmoderatedr dseveredr eproliferativedr", 870, 0},
	{papila, papilaTree, 311, 79, 98, "anormal bsuspectglaucoma cglaucoma", 244, 1},
	{glaucomaFundus, glaucomaTree, 861, 218, 465, "anormal_control bearly_glaucoma cadvanced_glaucoma", 0, 0},
}

// The official downloads become exactly RETFound's splits, and train as they are.
func TestPublishedSizes(t *testing.T) {
	for _, test := range published {
		t.Run(test.set.Name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && test.set != octid {
				t.Skip("makes thousands of images")
			}
			download := test.tree(t)
			source := download.zipFile(t)
			if test.set == messidor2 { // its tables come apart from the images
				source = download.folder(t)
			}
			plan, err := prepared(t, Options{Set: test.set, Source: source})
			if err != nil {
				t.Fatal(err)
			}
			d, err := data.Open(plan.options.Dest)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := []int{len(d.Train.Samples), len(d.Val.Samples), len(d.Test.Samples)},
				[]int{test.train, test.val, test.test}; !slices.Equal(got, want) {
				t.Errorf("train, val, test have %d images, want %d", got, want)
			}
			if got := strings.Join(d.Test.Classes, " "); test.folders != "" && got != test.folders {
				t.Errorf("classes %s, want %s", got, test.folders)
			}
			for i, c := range test.set.Classes {
				if d.Test.Classes[i] != c.Folder {
					t.Errorf("class %d is %q in the set and %q in its folder", i, c.Folder, d.Test.Classes[i])
				}
			}
			checkManifest(t, plan.options.Dest, download)
			report := plan.Report()
			want := fmt.Sprintf("patients with both eyes: %d, of which in two splits: %d\n", test.patients, test.apart)
			if test.patients > 0 &&
				!strings.Contains(report, want) {
				t.Errorf("the report lacks %q:\n%s", want, report)
			}
			if strings.Contains(report, "identical") {
				t.Errorf("the report finds identical images:\n%s", report)
			}
		})
	}
}

// checkManifest compares every row of the manifest with the file it names and with the download.
func checkManifest(t *testing.T, dir string, download tree) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "manifest.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || strings.Join(rows[0], ",") != "split,class,file,patient,source,sha256" {
		t.Fatalf("manifest begins with %q: %v", rows[0], err)
	}
	original := map[string][]byte{}
	for _, e := range download {
		original[e.path] = e.content
	}
	seen := map[string]bool{}
	for _, r := range rows[1:] {
		content, err := os.ReadFile(filepath.Join(dir, r[2]))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		source := strings.TrimPrefix(r[4], "download.zip/")
		if r[5] != hex.EncodeToString(sum[:]) || string(original[source]) != string(content) || seen[source] {
			t.Fatalf("%q is not true of its file", r)
		}
		if !strings.HasPrefix(r[2], r[0]+"/"+r[1]+"/") {
			t.Fatalf("%q: the file is in another folder", r)
		}
		seen[source] = true
	}
}

// OCTID's and Retina's sizes by class are known from two independent lists.
func TestPublishedSizesByClass(t *testing.T) {
	for set, want := range map[*Set][]Sizes{
		octid:  {{115, 29, 62}, {30, 8, 17}, {56, 15, 31}, {59, 15, 33}, {56, 15, 31}},
		retina: {{168, 42, 90}, {56, 14, 30}, {56, 14, 31}, {56, 14, 30}},
	} {
		if got := set.Published(); !slices.Equal(got, want) {
			t.Errorf("%s: %d, want %d", set.Name, got, want)
		}
	}
	if len(jsiec.Classes) != 39 {
		t.Errorf("JSIEC has %d classes", len(jsiec.Classes))
	}
}

// The form of the source does not change the splits: archive, folder, folder of archives, archive of archives, pieces
// of an archive, other names of folders.
func TestFormsOfASource(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks every form")
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	download := octidTree(t)
	zips := tree{}
	for _, c := range []string{"NORMAL", "AMRD", "CSR", "DR", "MH"} {
		var one tree
		for _, e := range download {
			if name, ok := strings.CutPrefix(e.path, c+"/"); ok {
				one = append(one, entry{name, e.content})
			}
		}
		zips.add("OCTID/"+c+".zip", one.zip(t, zip.Deflate))
	}
	whole := download.zip(t, zip.Deflate)
	var pieces tree
	for i := 0; i*100_000 < len(whole); i++ {
		pieces.add(fmt.Sprintf("octid.zip.%03d", i+1), whole[i*100_000:min((i+1)*100_000, len(whole))])
	}
	if len(pieces) < 3 {
		t.Fatalf("the archive has only %d pieces", len(pieces))
	}
	stored := filepath.Join(t.TempDir(), "dataverse_files.zip")
	if err := os.WriteFile(stored, zips.zip(t, zip.Store), 0o644); err != nil {
		t.Fatal(err)
	}
	backslashes := tree{}
	slices.Reverse(download)
	for _, e := range download {
		backslashes.add(strings.ReplaceAll("./OCT id/"+strings.ToLower(e.path), "/", `\`), e.content)
	}
	twice := slices.Clone(download)
	for _, e := range download {
		twice.add("OCTID copy/"+e.path, e.content)
	}
	flat := tree{}
	for _, e := range download {
		flat.add(filepath.Base(e.path), e.content)
	}
	var want []string
	for _, source := range []struct{ name, path string }{
		{"archive", octidTree(t).zipFile(t)},
		{"folder", download.folder(t)},
		{"folder of archives", zips.folder(t)},
		{"archive of stored archives", stored},
		{"archive of compressed archives", zips.zipFile(t)},
		{"pieces", pieces.folder(t)},
		{"first piece", filepath.Join(pieces.folder(t), "octid.zip.001")},
		{"backslashes, lower case, another order", backslashes.zipFile(t)},
		{"everything twice", twice.folder(t)},
		{"no folders", flat.folder(t)},
	} {
		plan, err := New(t.Context(), Options{Set: octid, Source: source.path, Dest: filepath.Join(t.TempDir(), "x")})
		if err != nil {
			t.Errorf("%s: %v", source.name, err)
			continue
		}
		plan.Close()
		var got []string
		for _, img := range plan.Images {
			got = append(got, fmt.Sprint(img.SHA256, img.Class, img.Split))
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: other splits", source.name)
		}
	}
	left, _ := filepath.Glob(filepath.Join(temporary, "fovea-prepare-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// Files of every format are copied byte for byte, under their own names; two of one name in a class stay two.
func TestFormats(t *testing.T) {
	img, err := data.DecodeBytes(tiny(t, 77, "png"))
	if err != nil {
		t.Fatal(err)
	}
	var tiffFile bytes.Buffer
	if err := tiff.Encode(&tiffFile, img, nil); err != nil {
		t.Fatal(err)
	}
	download := smallTree(t)
	download[0] = entry{"healthy/X.tif", tiffFile.Bytes()}
	download[1] = entry{"healthy/x.BMP", bmpOf(t, fundus(30, 20, image.Pt(15, 10), 8))}
	download[2] = entry{"healthy/x.jpeg", tiny(t, 78, "jpeg")}
	for i := range 7 {
		download[3+i].path = fmt.Sprintf("healthy/part%d/x.JPEG", i)
		download[3+i].content = append(tiny(t, 100+i, "jpeg"), make([]byte, 50*(i+1))...)
	}
	plan, err := prepared(t, Options{Set: small, Source: download.folder(t)})
	if err != nil {
		t.Fatal(err)
	}
	checkManifest(t, plan.options.Dest, download)
	names := map[string]int{}
	for _, img := range plan.Images {
		names[SplitNames[img.Split]+strings.ToLower(img.Name)]++
		ending := filepath.Ext(img.Name)
		if !strings.HasSuffix(img.Source, ending) {
			t.Errorf("%s became %s", img.Source, img.Name)
		}
	}
	for name, n := range names {
		if n > 1 {
			t.Errorf("%d files of a split are named %s", n, name)
		}
	}
}
