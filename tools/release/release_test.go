package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tree writes files, each with its own path as content, into a new folder.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// An archive has what it should of a clone, in a folder of its own, and the same bytes each time.
func TestArchive(t *testing.T) {
	clone := tree(t, "README.md", "LICENSE", "CONTRIBUTING.md", "docs/train.md", "docs/docs_test.go", "docs/.hidden",
		"configs/octid.toml", "configs/configs.go", "data/testdata/retinamnist/test/0/a.png",
		"data/testdata/kermany_oct_mini/DATA_CARD.md", "data/testdata/golden/secret.bin", "runs/x/model.onnx", "go.mod")
	at := time.Unix(1_700_000_000, 0)
	var archives [2][]byte
	for i := range archives {
		files, err := shipped(clone)
		if err != nil {
			t.Fatal(err)
		}
		files["trainer"] = entry{content: []byte("program"), program: true}
		path := filepath.Join(t.TempDir(), "sub", "a.tar.gz")
		if err := writeArchive(path, "fovea-1", files, at); err != nil {
			t.Fatal(err)
		}
		if archives[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		at = at.In(time.FixedZone("elsewhere", 3600))
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two archives of the same files differ")
	}
	packed, err := gzip.NewReader(bytes.NewReader(archives[0]))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for r := tar.NewReader(packed); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = h.Mode
		if !h.ModTime.Equal(at) || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s: %v %d %q", h.Name, h.ModTime, h.Uid, h.Uname)
		}
	}
	want := map[string]int64{"trainer": 0o755, "README.md": 0o644, "LICENSE": 0o644, "CONTRIBUTING.md": 0o644,
		"docs/train.md": 0o644, "configs/octid.toml": 0o644, "data/testdata/retinamnist/test/0/a.png": 0o644,
		"data/testdata/kermany_oct_mini/DATA_CARD.md": 0o644}
	for name, mode := range want {
		if got["fovea-1/"+name] != mode {
			t.Errorf("%s has mode %o, want %o", name, got["fovea-1/"+name], mode)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the archive has %q", slices.Sorted(maps.Keys(got)))
	}
	if _, err := shipped(t.TempDir()); err == nil {
		t.Error("an empty clone is packed")
	}
}

// The licences of a package are those of its folder and of all above it in its module. One must be there.
func TestLicences(t *testing.T) {
	module := tree(t, "LICENSE", "NOTICE.txt", "license.go", "licenses/gpl.txt", "licenses/l.go", "a/a.go", "a/b/COPYING", "a/b/b.go", "c/LICENCE.md")
	files := map[string]entry{}
	if err := addFrom(files, module, filepath.Join(module, "a", "b"), "LICENSES/m@v1"); err != nil {
		t.Fatal(err)
	}
	want := []string{"LICENSES/m@v1/LICENSE", "LICENSES/m@v1/NOTICE.txt", "LICENSES/m@v1/a/b/COPYING",
		"LICENSES/m@v1/licenses/gpl.txt"}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	bare := tree(t, "a.go")
	if err := addFrom(files, bare, bare, "LICENSES/bare"); err == nil || !strings.Contains(err.Error(), bare) {
		t.Errorf("a module without a licence: %v", err)
	}
}

// The glibc that a program wants is the newest that objdump lists.
func TestGlibc(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs an ELF program")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	listed, err := exec.Command("objdump", "-T", program).Output()
	if err != nil {
		t.Skip("no objdump here")
	}
	newest := 0
	for _, m := range regexp.MustCompile(`GLIBC_2\.(\d+)`).FindAllSubmatch(listed, -1) {
		minor, _ := strconv.Atoi(string(m[1]))
		newest = max(newest, minor)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	got, err := glibcOf("linux/amd64", content)
	if want := "glibc 2." + strconv.Itoa(newest); err != nil || got != want {
		t.Errorf("%q %v, objdump says %q", got, err, want)
	}
}

func TestUnknownSystem(t *testing.T) {
	if _, err := find("plan9/386"); err == nil || !strings.Contains(err.Error(), "linux/arm64") {
		t.Error(err)
	}
	b := builder{}
	if _, err := b.environ(target{system: "plan9/386", gcc: "no-such-gcc", deb: "gcc-of-debian"}); err == nil ||
		!strings.Contains(err.Error(), "apt-get install gcc-of-debian") {
		t.Error(err)
	}
}
