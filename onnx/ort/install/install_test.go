package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fovea/internal/progress"
	"fovea/onnx/ort"
	"fovea/onnx/ort/internal/orttest"
)

// emptyMachine gives the test a cache of its own, a PATH with only the commands given as shell scripts, and no library
// named.
func emptyMachine(t *testing.T, commands map[string]string) (cache string) {
	t.Helper()
	bin, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache [1]") // no pattern
	for name, script := range commands {
		script = "#!/bin/sh\nPATH=/usr/bin:/bin\n" + script
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv(EnvLibrary, "")
	return filepath.Join(cache, "fovea", "onnxruntime")
}

// release makes a library the only one that a Go module, or a wheel, is known to carry, until the test ends.
func release(t *testing.T, library, moduleFile string, wheel bool) {
	t.Helper()
	sum, err := fileSum(library)
	if err != nil {
		t.Fatal(err)
	}
	modules, wheels := moduleReleases, wheelSums
	t.Cleanup(func() { moduleReleases, wheelSums = modules, wheels })
	moduleReleases, wheelSums = nil, nil
	if moduleFile != "" {
		moduleReleases = []moduleRelease{{thisSystem, "example.org/module", "v1.2.3", moduleFile, 1000, sum}}
	}
	if wheel {
		wheelSums = map[string]string{sum: thisSystem}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// installed fails unless path is the library in the cache.
func installed(t *testing.T, path, cache, library string) {
	t.Helper()
	if !strings.HasPrefix(path, cache) || !bytes.Equal(read(t, path), read(t, library)) {
		t.Fatalf("%s is not %s in the cache %s", path, library, cache)
	}
	if found := inCache(context.Background()); len(found) == 0 || found[0].path != path {
		t.Fatalf("the cache does not offer %s first: %v", path, found)
	}
	entries, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(entries) > 0 {
		t.Errorf("left in the temporary folder: %v %v", entries, err)
	}
}

// fakeGo answers "go mod download" with a module folder and "go env" with nothing.
func fakeGo(module, before string) string {
	return fmt.Sprintf("case $1 in env) echo /modules; exit;; esac\n%s\n"+
		`[ "$1 $2 $3 $4 $GOWORK" = "mod download -json example.org/module@v1.2.3 off" ] || exit 9
echo '{"Dir": "%s"}'`, before, module)
}

func TestInstallWithGo(t *testing.T) {
	onlyLinux(t)
	library := fakeLibrary(t, "1.30.0")
	release(t, library, libraryName(), false)
	cache := emptyMachine(t, map[string]string{"go": fakeGo(filepath.Dir(library), "")})
	told := false
	path, err := CPU(t.Context(), Options{Progress: func(u progress.Update) {
		told = u.Done == u.Total && u.Total == 1000
	}})
	if err != nil {
		t.Fatal(err)
	}
	installed(t, path, cache, library)
	if want := filepath.Join("1.30.0", strings.ReplaceAll(thisSystem, "/", "-")); !strings.Contains(path, want) {
		t.Errorf("%s lacks %s", path, want)
	}
	if !told {
		t.Error("the progress does not end at its total")
	}
	// Without any command the library in the cache will do, also for the search.
	t.Setenv("PATH", t.TempDir())
	if again, err := CPU(t.Context(), Options{}); err != nil || again != path {
		t.Errorf("installed again: %s, %v", again, err)
	}
	if found, _ := search(t.Context()); found == nil || found.path != path {
		t.Errorf("the search finds %v", found)
	}
	// A damaged library is not used.
	if err := os.WriteFile(path, append(read(t, path), 0), 0o644); err != nil {
		t.Fatal(err)
	}
	if found := inCache(t.Context()); len(found) > 0 {
		t.Errorf("a damaged library is offered: %v", found)
	}
}

func TestInstallWithPip(t *testing.T) {
	onlyLinux(t)
	library := fakeLibrary(t, "1.32.0")
	pip := func(condition string) string {
		return fmt.Sprintf(`case "$*" in *find_spec*) exit 0;; esac
case "$*" in "-I -X utf8 -m pip download"*"onnxruntime==1.32.0") ;; *) exit 9;; esac
%s
while [ "$1" != --dest ]; do shift; done
mkdir -p "$2" && cp %s "$2"`, condition, wheel(t, library))
	}
	for name, condition := range map[string]string{
		"this Python":    "",
		"another Python": `case "$*" in *"--python-version 3.12"*) ;; *) echo "no matching distribution" >&2; exit 1;; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			release(t, library, libraryName(), true)
			cache := emptyMachine(t, map[string]string{
				"go":      `echo '{"Error": "module lookup disabled by GOPROXY=off"}'; exit 1`,
				"python3": pip(condition),
			})
			path, err := CPU(t.Context(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			installed(t, path, cache, library)
		})
	}
	t.Run("changed wheel", func(t *testing.T) {
		release(t, fakeLibrary(t, "1.31.0"), "", true)
		emptyMachine(t, map[string]string{"python3": pip("")})
		_, err := CPU(t.Context(), Options{})
		orttest.Says(t, err, "SHA-256", "not used")
	})
}

func TestInstallFails(t *testing.T) {
	onlyLinux(t)
	library := fakeLibrary(t, "1.30.0")
	t.Run("nothing to fetch with", func(t *testing.T) {
		release(t, library, libraryName(), false)
		emptyMachine(t, nil)
		_, err := locate(t.Context(), Source{})
		if inSystem(t.Context()) != nil {
			t.Skip("the system has an ONNX Runtime of its own")
		}
		orttest.Says(t, err, thisSystem, "go mod download example.org/module@v1.2.3", "no python3",
			"trainer runtime install -from FILE", EnvLibrary)
	})
	t.Run("no network", func(t *testing.T) {
		release(t, library, libraryName(), false)
		emptyMachine(t, map[string]string{
			"go":      `echo '{"Error": "dial tcp: lookup modules.example: no such host"}'; exit 1`,
			"python3": `echo "ERROR: No matching distribution found" >&2; exit 1`,
		})
		_, err := CPU(t.Context(), Options{})
		orttest.Says(t, err, "modules.example: no such host", "No matching distribution", "-from FILE")
	})
	t.Run("changed module", func(t *testing.T) {
		release(t, library, libraryName(), false)
		emptyMachine(t, map[string]string{"go": fakeGo(filepath.Dir(fakeLibrary(t, "1.29.0")), "")})
		_, err := CPU(t.Context(), Options{})
		orttest.Says(t, err, "SHA-256", "not used")
	})
	t.Run("interrupted", func(t *testing.T) {
		release(t, library, libraryName(), false)
		emptyMachine(t, map[string]string{"go": "exec sleep 60"})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := CPU(ctx, Options{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("interrupted: %v", err)
		}
	})
	t.Run("locked", func(t *testing.T) {
		emptyMachine(t, nil)
		unlock, err := lockCache(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = CPU(ctx, Options{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the cache is not locked: %v", err)
		}
	})
	t.Run("cache not writable", func(t *testing.T) {
		emptyMachine(t, nil)
		t.Setenv("XDG_CACHE_HOME", orttest.File(t, "cache", nil))
		_, err := CPU(t.Context(), Options{})
		orttest.Says(t, err, "installing ONNX Runtime", "not a directory")
	})
}

// The library installed last is used, whatever its version.
func TestLastInstalledWins(t *testing.T) {
	onlyLinux(t)
	libraries := []string{fakeLibrary(t, "1.29.0"), fakeLibrary(t, "1.31.0"), fakeLibrary(t, "1.30.0")}
	cache := emptyMachine(t, nil)
	for i, library := range libraries {
		path, err := CPU(t.Context(), Options{From: library})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(1e9+i), 0) // a file system's clock may tick slowly
		if err := os.Chtimes(path+sumSuffix, at, at); err != nil {
			t.Fatal(err)
		}
		installed(t, path, cache, library)
	}
}

// Several processes on an empty machine: one fetches, all use it.
func TestProcessesInstallTogether(t *testing.T) {
	onlyLinux(t)
	real := ort.InUse().Path
	first := moduleReleases[0]
	if sum, err := fileSum(real); err != nil || sum != first.sum || first.system != thisSystem {
		t.Skipf("the library in use (%s) is not the one of a Go module", real)
	}
	module := t.TempDir()
	target := filepath.Join(module, filepath.FromSlash(first.file))
	if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.Symlink(real, target)); err != nil {
		t.Fatal(err)
	}
	calls := filepath.Join(t.TempDir(), "calls")
	cache := emptyMachine(t, map[string]string{
		"go": fmt.Sprintf("case $1 in env) exit 1;; esac\necho call >> %s\nsleep 0.3\n"+
			`echo '{"Dir": "%s"}'`, calls, module),
	})
	var together sync.WaitGroup
	paths := make([]string, 4)
	for i := range paths {
		together.Go(func() {
			out, failed := orttest.InChild(t, "install")
			if failed {
				t.Errorf("process %d: %s", i, out)
			}
			paths[i] = out
		})
	}
	together.Wait()
	for _, path := range paths {
		if path != paths[0] || !strings.HasPrefix(path, cache) {
			t.Errorf("paths %q", paths)
		}
	}
	if got := string(read(t, calls)); got != "call\n" {
		t.Errorf("fetched more than once: %q", got)
	}
	if out, failed := orttest.InChild(t, "load"); failed || out != "the cache" {
		t.Errorf("afterwards: %s", out)
	}
}

func TestPythonPackageIsFound(t *testing.T) {
	onlyLinux(t)
	library, old := fakeLibrary(t, "1.32.0"), fakeLibrary(t, "1.20.0")
	capi := filepath.Join(t.TempDir(), "onnxruntime", "capi")
	versioned := filepath.Join(capi, libraryName()+".1.32.0")
	if err := errors.Join(os.MkdirAll(capi, 0o755), os.Rename(library, versioned)); err != nil {
		t.Fatal(err)
	}
	emptyMachine(t, map[string]string{"python3": "echo " + filepath.Dir(capi)})
	found, unusable := search(t.Context())
	if found == nil || found.origin != "the Python package onnxruntime" || filepath.Dir(found.path) != capi {
		t.Errorf("found %v, %v", found, unusable)
	}
	// A library that is too old is passed over, and named if there is no other.
	emptyMachine(t, map[string]string{"python3": "echo " + filepath.Dir(old)})
	_, err := locate(t.Context(), Source{})
	if inSystem(t.Context()) == nil {
		orttest.Says(t, err, "the Python package onnxruntime", "ONNX Runtime 1.20.0 offers API 20", "pip download")
	}
}
