package install

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx/ort/internal/orttest"
)

// TestWorkingDirectoryIsNotSearched: files of the working directory that bear the names of Python's modules run
// neither in the search for a library nor in a download.
func TestWorkingDirectoryIsNotSearched(t *testing.T) {
	onlyLinux(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	folder := t.TempDir()
	ran := filepath.Join(folder, "ran")
	for _, name := range []string{"importlib/__init__", "importlib/util", "sys", "site", "sitecustomize", "pip",
		"pip/__main__", "runpy", "onnxruntime/__init__", "nvidia/__init__", "encodings/__init__"} {
		path := filepath.Join(folder, name+".py")
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte("open('"+ran+"', 'a').write('"+name+"\\n')\n"), 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	emptyMachine(t, nil)
	t.Chdir(folder)
	t.Setenv("PATH", filepath.Dir(python))
	t.Setenv("PYTHONPATH", ".")
	t.Setenv("LD_LIBRARY_PATH", ".")
	t.Setenv("PIP_NO_INDEX", "1")
	for _, name := range []string{"onnxruntime", "nvidia"} {
		for _, dir := range pythonPackage(t.Context(), name) {
			if strings.HasPrefix(dir, folder) {
				t.Errorf("the package %s is found in the working directory", name)
			}
		}
	}
	if _, err := pipDownload(t.Context(), python, "onnxruntime==0", t.TempDir()); err == nil {
		t.Error("pip fetched from nowhere")
	}
	for _, c := range inSystem(t.Context()) {
		if !filepath.IsAbs(c.path) {
			t.Errorf("%s of the working directory is offered", c.path)
		}
	}
	if text, err := os.ReadFile(ran); err == nil {
		t.Errorf("code of the working directory ran: %s", text)
	}
}

// TestFindLinksStayRelative: pip finds a folder of wheels that is named relative to the working directory.
func TestFindLinksStayRelative(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.Mkdir("wheels", 0o755); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(folder, "wheels") + " https://example.org/simple"
	if got := absolutePaths("wheels https://example.org/simple"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCacheThatOthersChanged: a library in the cache is loaded only if its sum is known, whatever the file beside it
// says, and if nobody else can write there.
func TestCacheThatOthersChanged(t *testing.T) {
	onlyLinux(t)
	library, other := fakeLibrary(t, "1.30.0"), fakeLibrary(t, "1.31.0")
	install := func(t *testing.T) (cache, path string) {
		cache = emptyMachine(t, nil)
		path, err := CPU(t.Context(), Options{From: library})
		if err != nil {
			t.Fatal(err)
		}
		installed(t, path, cache, library)
		return cache, path
	}
	refused := func(t *testing.T, path, why string) {
		t.Helper()
		if found := inCache(t.Context()); len(found) > 0 {
			t.Errorf("offered nevertheless: %v", found)
		}
		orttest.Says(t, checkCached(path), path, why)
	}
	t.Run("library and sum replaced", func(t *testing.T) {
		_, path := install(t)
		sum, err := fileSum(other)
		if err := errors.Join(err, os.WriteFile(path, read(t, other), 0o755), writeSum(path, sum)); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "neither known nor")
	})
	for _, name := range []string{"", "..", "../../..", "../../../.."} {
		t.Run("writable "+name, func(t *testing.T) {
			_, path := install(t)
			if err := os.Chmod(filepath.Join(path, name), 0o777); err != nil {
				t.Fatal(err)
			}
			if found := inCache(t.Context()); len(found) > 0 {
				t.Errorf("offered nevertheless: %v", found)
			}
			orttest.Says(t, checkCached(path), "can be written by other users", "chmod go-w")
		})
	}
	t.Run("named in the cache", func(t *testing.T) {
		_, path := install(t)
		if err := os.WriteFile(path, read(t, other), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := locate(t.Context(), Source{Library: path})
		orttest.Says(t, err, "neither known nor")
		t.Setenv(EnvLibrary, filepath.Dir(path))
		_, err = locate(t.Context(), Source{})
		orttest.Says(t, err, EnvLibrary, "neither known nor")
	})
	t.Run("a writable folder is not filled", func(t *testing.T) {
		cache := emptyMachine(t, nil)
		folder := filepath.Join(cache, "1.30.0", systemFolder)
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.Chmod(filepath.Dir(folder), 0o777)); err != nil {
			t.Fatal(err)
		}
		_, err := CPU(t.Context(), Options{From: library})
		orttest.Says(t, err, "can be written by other users", "chmod go-w")
		if files, err := os.ReadDir(folder); err != nil || len(files) > 0 {
			t.Errorf("the folder holds %v (%v)", files, err)
		}
	})
	t.Run("another owner", func(t *testing.T) {
		cache, path := install(t)
		if os.Chown(cache, 12345, -1) != nil {
			t.Skip("only root can give a folder away")
		}
		if found := inCache(t.Context()); len(found) > 0 {
			t.Errorf("offered nevertheless: %v", found)
		}
		orttest.Says(t, checkCached(path), cache, "belongs to user 12345")
		_, err := CPU(t.Context(), Options{From: library})
		orttest.Says(t, err, "belongs to user 12345")
	})
}
