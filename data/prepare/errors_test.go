package prepare

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/internal/progress"
)

// small is a set of 10 + 10 images that tests damage.
var small = &Set{
	Name: "small",
	Classes: []Class{
		{Folder: "a", Images: 10, Labels: []string{"0", "healthy"}},
		{Folder: "b", Images: 10, Labels: []string{"1", "ill"}},
	},
	Fundus: true,
	Test:   3,
}

// smallTable is small with labels in APTOS's table.
var smallTable = &Set{Name: "small", Classes: small.Classes, Test: 3, find: findAPTOS}

func smallTree(tb testing.TB) tree {
	var t tree
	for i := range 20 {
		t.add([]string{"healthy/", "ill/"}[i/10]+string(rune('a'+i))+".png", tiny(tb, i, "png"))
	}
	return t
}

func smallTableTree(tb testing.TB) tree {
	labels := "id_code,diagnosis\n"
	var t tree
	for i := range 20 {
		name := string(rune('a' + i))
		t.add("train_images/"+name+".png", tiny(tb, i, "png"))
		labels += name + "," + []string{"0", "1.0"}[i/10] + "\n"
	}
	t.add("train.csv", []byte(labels))
	return t
}

// replaced returns t with another content at path.
func (t tree) replaced(path string, content []byte) tree {
	t = slices.Clone(t)
	for i, e := range t {
		if e.path == path {
			t[i].content = content
		}
	}
	return t
}

func (t tree) with(path string, content []byte) tree {
	return append(slices.Clone(t), entry{path, content})
}

// Each fault is an error that names the file or row and what to do, and leaves nothing, neither a result nor a part of
// one.
func TestFaults(t *testing.T) {
	good, table := smallTree(t), smallTableTree(t)
	zipped := func(tr tree) func(*testing.T) string { return func(t *testing.T) string { return tr.zipFile(t) } }
	folder := func(tr tree) func(*testing.T) string { return func(t *testing.T) string { return tr.folder(t) } }
	raw := func(content []byte) func(*testing.T) string { return tree{{"x/small.zip", content}}.rawFile }
	corrupt := good.zip(t, zip.Store)
	at := bytes.Index(corrupt, good[3].content) + len(good[3].content)/2
	corrupt[at] ^= 1
	labels := string(table[len(table)-1].content)
	relabelled := func(old, new string) func(*testing.T) string {
		return folder(table.replaced("train.csv", []byte(strings.Replace(labels, old, new, 1))))
	}
	link := func(target string) func(*testing.T) string {
		return func(t *testing.T) string {
			dir := good.folder(t)
			if err := os.Symlink(target, filepath.Join(dir, "ill", "link.png")); err != nil {
				t.Skip(err)
			}
			return dir
		}
	}
	for _, test := range []struct {
		name   string
		set    *Set
		source func(*testing.T) string
		want   string
	}{
		{"no source", small, func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, "none: check the path"},
		{"a file", small, func(t *testing.T) string { return filepath.Join(good.folder(t), "ill", "k.png") },
			"neither a folder nor a zip archive"},
		{"no image", small, folder(tree{{"readme.txt", nil}}), "no image in"},
		{"an image less", small, folder(good.without("ill/k.png")), "b: published 10, found 9\nthe download is not whole"},
		{"an image more", small, zipped(good.with("ill/z.png", tiny(t, 99, "png"))), "b: published 10, found 11"},
		{"no folder of a class", small, zipped(good.with("x/z.png", nil)),
			"1 images lie in no folder of a class:\n  download.zip/x/z.png\nmove them away"},
		{"checksum", small, raw(corrupt),
			"reading small.zip/healthy/d.png: zip: checksum error; if it is damaged, get it again"},
		{"cut short", small, raw(corrupt[:len(corrupt)-30]), "small.zip is not a whole zip archive"},
		{"truncated image", small, zipped(good.replaced("ill/k.png", good[10].content[:60])),
			"reading download.zip/ill/k.png: png: invalid format: not enough pixel data; if it is damaged, get it again"},
		{"no image but text", small, folder(good.replaced("ill/k.png", []byte("<html>Log in"))),
			"reading ill/k.png: not a JPEG, PNG"},
		{"climbs out", small, zipped(good.with("../../evil.png", nil)),
			`the member "../../evil.png" leads out of the archive`},
		{"climbs out inside", small, zipped(good.with("ill/../../evil.png", nil)), "leads out of the archive"},
		{"climbs out with backslashes", small, zipped(good.with(`..\evil.png`, nil)), "leads out of the archive"},
		{"absolute", small, zipped(good.with("/tmp/evil.png", nil)), "leads out of the archive"},
		{"drive", small, zipped(good.with(`C:\evil.png`, nil)), "leads out of the archive"},
		{"link in an archive", small, raw(withLink(t, good)), "ill/link.png is a link or a device"},
		{"encrypted", small, raw(encrypted(t, good)), "healthy/a.png is encrypted"},
		{"unknown method", small, raw(deflate64(t, good)),
			"healthy/a.png is compressed by a method that only some programs know"},
		{"link to a folder", small, link(t.TempDir()), "link.png is a link to a folder"},
		{"link to nothing", small, link("none"), "link.png: no such file"},
		{"different images of a name and size", small, folder(good.with("copy/ill/k.png", tiny(t, 99, "png"))),
			"have one name and one size, but differ"},
		{"no table", smallTable, folder(table.without(".csv")), "no table train.csv in"},
		{"two tables", smallTable, folder(table.with("old/train.csv", nil)), "two tables could be train.csv"},
		{"no column", smallTable, relabelled("diagnosis", "grade"), `train.csv has no column "diagnosis"`},
		{"unknown label", smallTable, relabelled("c,0", "c,7"), `train.csv:4: the label of c is "7"`},
		{"no label", smallTable, relabelled("c,0\n", ""),
			"1 images have no label; move them away, or get the table again:\n  train_images/c.png"},
		{"label without image", smallTable, folder(table.without("c.png")), "train.csv:4: no image c"},
		{"label twice", smallTable, relabelled("c,0\n", "c,0\nc,0\n"), "train.csv:5: the image c is in train.csv:4 already"},
		{"two images of a label", smallTable, folder(table.with("train_images/2/c.png", tiny(t, 1, "jpg"))),
			"train.csv:4: different images are named c"},
		{"IDRiD without a table", idrid, folder(idridTree(t).without("Testing Labels.csv")),
			"no table b. IDRiD_Disease Grading_Testing Labels.csv"},
		{"PAPILA without a workbook", papila, zipped(papilaTree(t).without("os.xlsx")), "no table patient_data_os.xlsx"},
		{"PAPILA without images", papila, zipped(papilaTree(t).without("OD.jpg")),
			"patient_data_od.xlsx, patient #001: no image RET001OD.jpg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			parent := t.TempDir()
			source := test.source(t)
			_, err := prepared(t, Options{Set: test.set, Source: source, Dest: filepath.Join(parent, "result")})
			if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), test.want) {
				t.Errorf("error %v\nlacks %q", err, test.want)
			}
			if left, _ := os.ReadDir(parent); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	if _, err := os.Stat("/tmp/evil.png"); err == nil {
		t.Error("a member was written where it wanted")
	}
}

func (t tree) rawFile(tb *testing.T) string {
	return filepath.Dir(filepath.Join(t.folder(tb), t[0].path))
}

func withLink(t *testing.T, tr tree) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "ill/link.png"}
	h.SetMode(fs.ModeSymlink | 0o777)
	m, err := w.CreateHeader(h)
	if err == nil {
		_, err = m.Write([]byte("/etc/passwd"))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// encrypted sets the flag in the directory's first entry.
func encrypted(t *testing.T, tr tree) []byte { return patched(tr.zip(t, zip.Deflate), 8, 1) }

// deflate64 is the method by which some systems pack large archives.
func deflate64(t *testing.T, tr tree) []byte { return patched(tr.zip(t, zip.Deflate), 10, 9) }

func patched(archive []byte, offset int, value byte) []byte {
	archive[bytes.Index(archive, []byte("PK\x01\x02"))+offset] = value
	return archive
}

func TestDest(t *testing.T) {
	source := smallTree(t).folder(t)
	there := t.TempDir()
	for dest, want := range map[string]string{
		there:                           "exists already",
		filepath.Join(source, "result"): "lies in the source",
		source:                          "exists already",
	} {
		_, err := prepared(t, Options{Set: small, Source: source, Dest: dest})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dest, err, want)
		}
	}
	beside := source + "-result" // begins like the source, but is not in it
	t.Cleanup(func() { os.RemoveAll(beside) })
	if _, err := prepared(t, Options{Set: small, Source: source, Dest: beside}); err != nil {
		t.Error(err)
	}
	plan, err := New(t.Context(), Options{Set: small, Source: source, Dest: filepath.Join(there, "late")})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if err := os.Mkdir(filepath.Join(there, "late"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := plan.Write(t.Context()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder that appeared was replaced: %v", err)
	}
}

func TestOptions(t *testing.T) {
	source := smallTree(t).folder(t)
	for want, o := range map[string]Options{
		"no fundus photographs": {Set: octid, Crop: true},
		"a side of 64 pixels":   {Set: small, Side: 64},
		"a side of -1 pixels":   {Set: small, Side: -1, Crop: true},
	} {
		o.Source = source
		if _, err := prepared(t, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestAnyCount(t *testing.T) {
	more := smallTree(t).with("ill/z.png", tiny(t, 99, "png"))
	plan, err := prepared(t, Options{Set: small, Source: more.folder(t), AnyCount: true})
	if err != nil || !slices.Equal(plan.Sizes, []Sizes{{5, 2, 3}, {5, 2, 4}}) {
		t.Errorf("sizes %v: %v", plan.Sizes, err)
	}
	few := more[7:] // 3 and 11 images
	if plan, err = prepared(t, Options{Set: small, Source: few.folder(t), AnyCount: true}); err != nil ||
		plan.Sizes[0] != (Sizes{1, 1, 1}) {
		t.Errorf("sizes %v: %v", plan.Sizes, err)
	}
	if _, err := prepared(t, Options{Set: small, Source: few[1:].folder(t), AnyCount: true}); err == nil ||
		!strings.Contains(err.Error(), "too few images") || !strings.Contains(err.Error(), "a: 2") {
		t.Error(err)
	}
}

// A context that ends while images are read or written ends the work and leaves nothing.
func TestCancel(t *testing.T) {
	for _, task := range []string{"read images", "write images"} {
		parent := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		plan, err := New(ctx, Options{Set: small, Source: smallTree(t).folder(t), Dest: filepath.Join(parent, "result"),
			Progress: func(u progress.Update) {
				if u.Task == task && u.Done == 2 && u.Total == 20 {
					cancel()
				}
			}})
		if err == nil {
			defer plan.Close()
			err = plan.Write(ctx)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", task, err)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s: left behind: %v", task, left)
		}
	}
}

// A context that has ended stops the unpacking of an archive in an archive.
func TestCancelUnpacking(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	source := tree{{"inner.zip", smallTree(t).zip(t, zip.Deflate)}}.zipFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openSource(ctx, source); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "fovea-prepare-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A source that changes between the plan and its execution is an error.
func TestChangedSource(t *testing.T) {
	source, parent := smallTree(t).folder(t), t.TempDir()
	plan, err := New(t.Context(), Options{Set: small, Source: source, Dest: filepath.Join(parent, "result")})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if err := os.WriteFile(filepath.Join(source, "ill", "k.png"), tiny(t, 99, "png"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := plan.Write(t.Context()); err == nil || !strings.Contains(err.Error(), "ill/k.png has changed meanwhile") {
		t.Error(err)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
