package data

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTarsOfWebDataset: the images, their order, bytes and labels are those that WebDataset reads.
func TestTarsOfWebDataset(t *testing.T) {
	const dir = "testdata/webdataset"
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	var expected map[string][][3]any
	if err == nil {
		err = json.Unmarshal(text, &expected)
	}
	if err != nil || len(expected) != 4 {
		t.Fatal(len(expected), err)
	}
	for archive, rows := range expected {
		split, err := OpenTars(dir, "test", []string{filepath.Join(dir, archive)}, []string{"no", "yes"})
		if err != nil || len(split.Samples) != len(rows) {
			t.Fatalf("%s: %v", archive, err)
		}
		for i, row := range rows {
			sample := split.Samples[i]
			content, err := readFile(sample.Path, nil)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			if want := filepath.Join(dir, archive, row[0].(string)); sample.Path != want || float64(sample.Class) != row[1] ||
				hex.EncodeToString(sum[:]) != row[2] || split.Classes[sample.Class] != []string{"no", "yes"}[sample.Class] {
				t.Errorf("%s: sample %d is %+v, want %v", archive, i, sample, row)
			}
		}
	}
	found := SplitArchives(dir, "pax")
	if len(found) != 1 || filepath.Base(found[0]) != "pax.tar" {
		t.Errorf("archives of the split pax: %q", found)
	}
}

// TestTarsBounded: archives that lie, and members that have no place here, are errors that name them.
func TestTarsBounded(t *testing.T) {
	dir := t.TempDir()
	write := func(cut int, members ...tar.Header) string {
		t.Helper()
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range members {
			h.Mode = 0o644
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if h.Size < 1<<20 {
				fmt.Fprint(w, strings.Repeat("x", int(h.Size)))
			}
		}
		w.Close()
		path := filepath.Join(dir, fmt.Sprintf("%d.tar", len(members)+b.Len()))
		if err := os.WriteFile(path, b.Bytes()[:b.Len()-cut], 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := func(name string, size int64) tar.Header {
		return tar.Header{Name: name, Size: size, Typeflag: tar.TypeReg}
	}
	for want, path := range map[string]string{
		"../../a.png leaves the archive": write(0, file("../../a.png", 1)),
		"/etc/b.png leaves the archive":  write(0, file("/etc/b.png", 2), file("b.png", 1)),
		"a.png is there twice":           write(0, file("a.png", 3), file("./a.png", 4), file("b.png", 1)),
		"or was cut short":               write(1024+700, file("a.png", 1), file("b.png", 2000)),
		"it has no end":                  write(1024, file("a.png", 1), file("b.png", 3000)),
		"no image in the archive": write(0, file("a.txt", 5),
			tar.Header{Name: "l.png", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}),
	} {
		_, err := TarImages(path)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `"`, ""), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	huge := write(0, file("huge.png", 1<<50)) // its content is not there
	if _, err := TarImages(huge); err == nil {
		t.Error("an archive that is shorter than its member is taken")
	}
	for want, members := range map[string][2]string{
		"neither a name nor":  {"a.json", "{\"label\": [1]}"},
		"holds no label":      {"a.cls", ""},
		"has the number 7":    {"a.cls", "7"},
		"has no label":        {"b.txt", "0"},
		"unexpected end":      {"a.json", "{"},
		"the key label":       {"a.json", "{\"x\": 1}"},
		"more than 1048576 b": {"a.cls", strings.Repeat("1", 1<<20+1)},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, m := range [][2]string{members, {"a.png", "x"}} {
			w.WriteHeader(&tar.Header{Name: m[0], Size: int64(len(m[1])), Mode: 0o644})
			fmt.Fprint(w, m[1])
		}
		w.Close()
		path := filepath.Join(dir, "labels"+fmt.Sprint(b.Len(), len(want))+".tar")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenTars(dir, "test", []string{path}, []string{"no", "yes"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	images, err := TarImages(filepath.Join("testdata", "webdataset", "cls.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readFile(filepath.Join(filepath.Dir(images[0]), "lost.png"), nil); !os.IsNotExist(err) {
		t.Errorf("a member that is not there: %v", err)
	}
}

// packed writes a tar archive of members, names and contents in turn, and returns its path.
func packed(t *testing.T, path string, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w.WriteHeader(&tar.Header{Name: members[i], Size: int64(len(members[i+1])), Mode: 0o644})
		fmt.Fprint(w, members[i+1])
	}
	w.Close()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenArchives: splits are archives, in a folder of theirs or beside one another. A classes.txt says what numbers
// mean, and may name a class that a split lacks. A key may be in several archives.
func TestOpenArchives(t *testing.T) {
	dir := t.TempDir()
	packed(t, filepath.Join(dir, "train", "1.tar"), "x/0.png", "a", "x/0.cls", "1\n", "1.left.jpg", "b", "1.cls", "0")
	packed(t, filepath.Join(dir, "train", "0.tar"), "1.json", `{"label": "sick"}`, "1.png", "c", "1.txt", "-", "2.json",
		`{"camera": 1}`, "2.PNG", "d", "2.cls", " well ")
	packed(t, filepath.Join(dir, "val.tar"), "0.png", "e", "0.cls", "0")
	packed(t, filepath.Join(dir, "test-7.tar"), "0.json", `{"class": 1}`, "0.png", "f")
	packed(t, filepath.Join(dir, "train", "._0.tar"), "0.png", "a")
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "nothing names the classes") {
		t.Errorf("numbers without names: %v", err)
	}
	if _, err := Open(dir, "well", "sick"); err == nil || !strings.Contains(err.Error(), `test-7`) &&
		!strings.Contains(err.Error(), `val of `+dir+` differ from those of the split train`) {
		t.Errorf("a split without a class, and no classes.txt: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "classes.txt"), []byte("\ufeffwell\r\nsick\r\n\r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range []*Split{set.Train, set.Val, set.Test} {
		for _, x := range s.Samples {
			content, err := ReadFile(x.Path)
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(dir, x.Path)
			got = append(got, filepath.ToSlash(rel)+" "+string(content)+" "+s.Classes[x.Class])
		}
	}
	want := []string{"train/0.tar/1.png c sick", "train/0.tar/2.PNG d well", "train/1.tar/x/0.png a sick",
		"train/1.tar/1.left.jpg b well", "val.tar/0.png e well", "test-7.tar/0.png f sick"}
	val, err := OpenPart(dir, "val", []string{"sick", "well"}) // as a model numbers them
	if err != nil || val.Classes[val.Samples[0].Class] != "well" {
		t.Errorf("the classes of a model count in the place of classes.txt: %v", err)
	}
	if !slices.Equal(got, want) || !slices.Equal(set.Val.Classes, []string{"sick", "well"}) {
		t.Errorf("%q, classes %q", got, set.Val.Classes)
	}
}

// TestBrokenArchives: each mistake in the archives of a data set is an error that says where it is.
func TestBrokenArchives(t *testing.T) {
	for want, broken := range map[string]struct {
		classes string
		train   []string
	}{
		`0.png and 0.jpg have one key`:          {"", []string{"0.png", "a", "0.jpg", "b", "0.cls", "x"}},
		`0.png and 0.mask.png have one key`:     {"", []string{"0.png", "a", "0.mask.png", "b", "0.cls", "x"}},
		`"0.cls" is there twice`:                {"", []string{"0.cls", "y", "0.png", "a", "0.cls", "x"}},
		`train.tar/0.png has the class "z"`:     {"x\ny", []string{"0.png", "a", "0.cls", "z"}},
		`no image: "y"; remove the lines`:       {"x\ny", []string{"0.png", "a", "0.cls", "x"}},
		`classes.txt names the class "x" twi`:   {"x\nx", []string{"0.png", "a", "0.cls", "x"}},
		`classes.txt is empty`:                  {"\n", []string{"0.png", "a", "0.cls", "x"}},
		`it lacks "x ray", "y" and has in addi`: {"", []string{"0.png", "a", "0.cls", "x ray", "1.png", "a", "1.cls", "y"}},
		`number 2, but the 2 classes have`:      {"x\ny", []string{"0.png", "a", "0.cls", "2"}},
		`has a label but no`:                    {"", []string{"0.png", "a", "0.cls", "x", "1.cls", "x"}},
		`single class "x"`:                      {"", []string{"0.png", "a", "0.cls", "x"}},
	} {
		dir := t.TempDir()
		packed(t, filepath.Join(dir, "train.tar"), broken.train...)
		packed(t, filepath.Join(dir, "val.tar"), "0.png", "a", "0.cls", "x")
		packed(t, filepath.Join(dir, "test.tar"), "0.png", "a", "0.cls", "x")
		if broken.classes != "" {
			if err := os.WriteFile(filepath.Join(dir, "classes.txt"), []byte(broken.classes), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

// TestReplacedArchive: an archive that changes after its images were verified is an error that ends a run.
func TestReplacedArchive(t *testing.T) {
	image, err := os.ReadFile(filepath.Join("testdata", "golden", "eval", "scene.src.png"))
	if err != nil {
		t.Fatal(err)
	}
	path := packed(t, filepath.Join(t.TempDir(), "train.tar"), "0.png", string(image), "0.cls", "x")
	split, err := OpenTars(filepath.Dir(path), "train", []string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	transform := EvalTransform{Size: 8, CropPct: 1, Std: [3]float32{1, 1, 1}}
	verified, _, err := Verify(t.Context(), split.Samples, 1, nil, transform, nil)
	if err != nil {
		t.Fatal(err)
	}
	loader, err := NewLoader(LoaderConfig{Samples: split.Samples, Verified: verified, Batch: 1, Workers: 1,
		Transform: transform, Tolerant: true})
	if err != nil {
		t.Fatal(err)
	}
	do := func(*Batch) error { return nil }
	if err := loader.Each(t.Context(), 0, do); err != nil {
		t.Fatal(err)
	}
	packed(t, path, "more.png", "", "0.png", string(image), "0.cls", "x")
	if err := loader.Each(t.Context(), 0, do); !errors.Is(err, ErrReplaced) || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v", err)
	}
}
