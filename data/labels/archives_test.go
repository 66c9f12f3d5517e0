package labels

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArchives: a table names images in archives, with and without endings and with folders of another machine. Only
// archives that it names are read: another may be the download of the images beside it.
func TestArchives(t *testing.T) {
	dir := folder(t, "a.jpg", "download.tar")
	for name, members := range map[string][]string{"one.tar": {"a.jpg", "b.png", "x/c.png"}, "deep/two.tar": {"a.jpg", "d.txt"}} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, m := range members {
			w.WriteHeader(&tar.Header{Name: m, Mode: 0o644})
		}
		w.Close()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := read(t, "image,label\none.tar/a.jpg,x\n./one.tar/b,y\nC:\\data\\deep\\two.tar\\a.jpg,x\na.jpg,y\none.tar/lost.png,x\n", dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := "one.tar/a.jpg:x: one.tar/b.png:y: deep/two.tar/a.jpg:x: a.jpg:y:"; summary(got) != want {
		t.Errorf("%s, want %s", summary(got), want)
	}
	var left []string
	for _, l := range got.LeftOut {
		left = append(left, l.Name+" "+l.Reason)
	}
	if want := "one.tar/lost.png " + NoImage + ", one.tar/x/c.png " + NoRow; strings.Join(left, ", ") != want {
		t.Errorf("left out: %q, want %s", left, want)
	}
	if _, err := read(t, "image,label\ndownload.tar/a.jpg,x\n", dir); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("a broken archive: %v", err)
	}
}
