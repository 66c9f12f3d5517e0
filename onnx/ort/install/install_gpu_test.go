package install

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/internal/progress"
	"fovea/onnx/ort/internal/orttest"
)

// fakeIndex makes wheels with libraries, and makes this package believe that ONNX Runtime for CUDA 13 consists of them.
// It returns the script of a Python whose pip serves them, and the file in which pip writes what it was asked for.
func fakeIndex(t *testing.T) (python, asked string) {
	t.Helper()
	wheels := t.TempDir()
	pack := func(name, version string, files map[string][]byte, order ...string) wheelPackage {
		path := filepath.Join(wheels, name+"-"+version+".whl")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		p := wheelPackage{Name: name, Version: version}
		for _, member := range order {
			w, err := z.Create("somewhere/lib/" + member)
			if err == nil {
				_, err = w.Write(files[member])
			}
			if err != nil {
				t.Fatal(err)
			}
			sum, _ := fileSum(orttest.File(t, member, files[member]))
			p.Files = append(p.Files, wheelFile{member, int64(len(files[member])), sum})
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		p.Bytes = info.Size()
		return p
	}
	libraries := t.TempDir()
	content := map[string][]byte{"libonnxruntime.so.1.31.1": read(t, fakeLibrary(t, "1.31.1"))}
	for _, name := range append(required, "libcudnn.so.9", providerName()) {
		if name == providerName() {
			shared(t, libraries, name, "int provider;", required...)
		} else {
			shared(t, libraries, name, "int nothing;")
		}
		content[name] = read(t, filepath.Join(libraries, name))
	}
	releases := gpuReleases
	t.Cleanup(func() { gpuReleases = releases })
	gpuReleases = []gpuRelease{{
		System: thisSystem, CUDA: 13, Kernels: []int{90},
		Runtime: pack("onnxruntime-gpu", "1.31.1", content, providerName(), "libonnxruntime.so.1.31.1"),
		Libraries: []wheelPackage{
			pack("nvidia-cuda-runtime", "13.5.37", content, "libcudart.so.13"),
			pack("nvidia-curand", "10.4.5.25", content, "libcurand.so.10"),
			pack("nvidia-cublas", "13.10.0.20", content, "libcublasLt.so.13", "libcublas.so.13"),
		},
		Convolutions: []wheelPackage{pack("nvidia-cudnn-cu13", "9.28.1.4", content, "libcudnn.so.9")},
	}}
	asked = filepath.Join(t.TempDir(), "asked")
	python = fmt.Sprintf(`case "$*" in *find_spec*) exit 0;; esac
case "$*" in "-I -X utf8 -m pip download"*"--no-deps"*"--python-version 3.12"*) ;; *) exit 9;; esac
while [ "$1" != --dest ]; do shift; done
dest=$2
for last; do :; done
echo "$last" >> %s
name=${last%%%%==*}; version=${last##*==}
[ "$name" != "$(cat %s 2>/dev/null)" ] || { echo "ERROR: Connection broken" >&2; exit 1; }
mkdir -p "$dest" && cp "%s/$name-$version.whl" "$dest"
`, asked, asked+".broken", wheels)
	return python, asked
}

func TestInstallGPU(t *testing.T) {
	onlyLinux(t)
	python, asked := fakeIndex(t)
	cache := emptyMachine(t, map[string]string{"python3": python})
	t.Setenv("LD_LIBRARY_PATH", "")
	var plan GPUPlan
	var last, all int64
	o := GPUOptions{
		CUDA:     13,
		Begin:    func(p GPUPlan) { plan = p },
		Progress: func(u progress.Update) { last, all = int64(u.Done), int64(u.Total) },
	}
	install := func(want ...string) string {
		t.Helper()
		os.Remove(asked)
		plan, last, all = GPUPlan{}, 0, 0
		path, err := GPU(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(plan.Fetch, want) {
			t.Errorf("planned %q, want %q", plan.Fetch, want)
		}
		if text, _ := os.ReadFile(asked); !slices.Equal(strings.Fields(string(text)), want) {
			t.Errorf("fetched %q, want %q", text, want)
		}
		if last != plan.Download || all != plan.Download || (plan.Disk == 0) != (want == nil) {
			t.Errorf("progress ended at %d of %d, planned %d", last, all, plan.Download)
		}
		if rest, _ := filepath.Glob(filepath.Join(quotePattern(cache), "fetch-*")); rest != nil {
			t.Errorf("left behind: %v", rest)
		}
		return path
	}
	everything := []string{"nvidia-cuda-runtime==13.5.37", "nvidia-curand==10.4.5.25", "nvidia-cublas==13.10.0.20",
		"onnxruntime-gpu==1.31.1"}
	path := install(everything...)
	if want := filepath.Join(cache, "1.31.1-cuda13", systemFolder, libraryName()); path != want {
		t.Errorf("installed as %s, want %s", path, want)
	}
	if found, unusable := searchGPU(t.Context()); found == nil || found.path != path {
		t.Errorf("the search finds %v, %v", found, unusable)
	}
	if found := inCache(t.Context()); found != nil {
		t.Errorf("it is offered to the CPU: %v", found)
	}
	r, err := requirementsOf(providerOf(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range findLibraries(r.libraryList(), 13, places(t.Context(), path, 13)) {
		if l.Required && l.Origin != "the cache" {
			t.Errorf("%s: %v", l.Name, l)
		}
	}
	install() // all is there
	o.CuDNN = true
	install("nvidia-cudnn-cu13==9.28.1.4")
	// A damaged library is fetched again.
	damaged := filepath.Join(cache, "cuda13", systemFolder, "libcublas.so.13")
	if err := os.WriteFile(damaged, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	install("nvidia-cublas==13.10.0.20")
	// Libraries that Python or the system has are not fetched.
	if err := os.RemoveAll(filepath.Join(cache, "cuda13")); err != nil {
		t.Fatal(err)
	}
	system := t.TempDir()
	nvidia(t, system, "libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13")
	t.Setenv("LD_LIBRARY_PATH", system)
	install("nvidia-curand==10.4.5.25", "nvidia-cudnn-cu13==9.28.1.4")
	if len(plan.Present) != 3 || plan.Present[0].Path != filepath.Join(system, "libcudart.so.13") {
		t.Errorf("present: %v", plan.Present)
	}
}

// A download that ends half-way leaves no GPU build that lacks its libraries, and the next installation goes on.
func TestInstallGPUGoesOn(t *testing.T) {
	onlyLinux(t)
	python, asked := fakeIndex(t)
	cache := emptyMachine(t, map[string]string{"python3": python})
	t.Setenv("LD_LIBRARY_PATH", "")
	if err := os.WriteFile(asked+".broken", []byte("nvidia-cublas"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := GPU(t.Context(), GPUOptions{CUDA: 13})
	orttest.Says(t, err, "installing ONNX Runtime for GPUs", "pip download nvidia-cublas==13.10.0.20",
		"Connection broken",
		"the same command goes on", "PIP_NO_INDEX=1")
	if found := inGPUCache(t.Context()); found != nil {
		t.Errorf("offered, but not complete: %v", found)
	}
	// A killed process removes nothing.
	left := filepath.Join(cache, "fetch-123", "wheels")
	if err := errors.Join(os.Remove(asked), os.Remove(asked+".broken"), os.MkdirAll(left, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := GPU(t.Context(), GPUOptions{CUDA: 13}); err != nil {
		t.Fatal(err)
	}
	if got := string(read(t, asked)); got != "nvidia-cublas==13.10.0.20\nonnxruntime-gpu==1.31.1\n" {
		t.Errorf("fetched again: %q", got)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
}

func TestInstallGPUFails(t *testing.T) {
	onlyLinux(t)
	python, _ := fakeIndex(t)
	ok := gpuReleases[0]
	t.Run("version", func(t *testing.T) {
		emptyMachine(t, map[string]string{"python3": python})
		_, err := GPU(t.Context(), GPUOptions{CUDA: 11})
		orttest.Says(t, err, "none for CUDA 11", "only for CUDA 13")
	})
	t.Run("system", func(t *testing.T) {
		emptyMachine(t, map[string]string{"python3": python})
		gpuReleases = nil
		defer func() { gpuReleases = []gpuRelease{ok} }()
		_, err := GPU(t.Context(), GPUOptions{})
		orttest.Says(t, err, "none to fetch for "+thisSystem, "linux/amd64 and linux/arm64")
	})
	t.Run("no Python", func(t *testing.T) {
		emptyMachine(t, nil)
		_, err := GPU(t.Context(), GPUOptions{CUDA: 13})
		orttest.Says(t, err, "no python3 found", "--python-version 3.12 --dest DIR nvidia-cuda-runtime==13.5.37")
	})
	t.Run("changed library", func(t *testing.T) {
		cache := emptyMachine(t, map[string]string{"python3": python})
		changed := ok
		changed.Libraries = []wheelPackage{ok.Libraries[2]}
		changed.Libraries[0].Files = slices.Clone(changed.Libraries[0].Files)
		changed.Libraries[0].Files[1].Sum = strings.Repeat("0", 64)
		gpuReleases = []gpuRelease{changed}
		defer func() { gpuReleases = []gpuRelease{ok} }()
		_, err := GPU(t.Context(), GPUOptions{CUDA: 13})
		orttest.Says(t, err, "nvidia-cublas==13.10.0.20", "libcublas.so.13", "SHA-256", "not used")
		if stored, _ := filepath.Glob(filepath.Join(quotePattern(cache), "*", "*", "*")); stored != nil {
			t.Errorf("stored nevertheless: %v", stored)
		}
	})
	t.Run("other wheel", func(t *testing.T) {
		emptyMachine(t, map[string]string{"python3": python})
		changed := ok
		changed.Libraries = []wheelPackage{ok.Libraries[0]}
		changed.Libraries[0].Files = []wheelFile{{"libcudart.so.14", 1, ""}}
		gpuReleases = []gpuRelease{changed}
		defer func() { gpuReleases = []gpuRelease{ok} }()
		_, err := GPU(t.Context(), GPUOptions{CUDA: 13})
		orttest.Says(t, err, "nvidia-cuda-runtime-13.5.37.whl holds no libcudart.so.14")
	})
	t.Run("interrupted", func(t *testing.T) {
		emptyMachine(t, map[string]string{"python3": "case \"$*\" in *find_spec*) exit 0;; esac\nexec sleep 60"})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := GPU(ctx, GPUOptions{CUDA: 13})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("interrupted: %v", err)
		}
	})
}
