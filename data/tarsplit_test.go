package data

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
		"holds no label":      {"a.cls", ""},
		"has the number 7":    {"a.cls", "7"},
		"has no label":        {"b.cls", "0"},
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
