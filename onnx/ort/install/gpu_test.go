package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fovea/onnx/ort"
	"fovea/onnx/ort/internal/orttest"
)

// shared compiles a shared library with this name, linked against others in its folder.
func shared(t *testing.T, folder, name, source string, linked ...string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	code := filepath.Join(t.TempDir(), "code.c")
	versions := filepath.Join(t.TempDir(), "versions")
	err := errors.Join(os.WriteFile(code, []byte(source), 0o644),
		os.WriteFile(versions, []byte(name+" { global: *; };\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	arguments := []string{"-shared", "-fPIC", "-w", "-Wl,-soname," + name, "-Wl,--version-script=" + versions,
		"-Wl,--no-as-needed", "-o", filepath.Join(folder, name), code, "-L" + folder}
	for _, l := range linked {
		arguments = append(arguments, "-l:"+l)
	}
	gcc(t, arguments...)
}

// required lists the libraries that the stock provider for CUDA 13 is linked against.
var required = []string{"libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"}

// nvidia makes libraries with NVIDIA's names in a folder.
func nvidia(t *testing.T, folder string, names ...string) {
	t.Helper()
	for _, name := range names {
		shared(t, folder, name, "int nothing;")
	}
}

// gpuBuild makes a library with a CUDA provider that is linked against the given libraries.
func gpuBuild(t *testing.T, folder string, linked ...string) (library string) {
	t.Helper()
	elsewhere := t.TempDir()
	nvidia(t, elsewhere, linked...)
	shared(t, elsewhere, providerName(), "int provider;", linked...)
	library = filepath.Join(folder, libraryName())
	err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(library, read(t, fakeLibrary(t, "1.31.1")), 0o755),
		os.WriteFile(providerOf(library), read(t, filepath.Join(elsewhere, providerName())), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	return library
}

// stamp makes a library in the cache one that the user installed himself.
func stamp(t *testing.T, library string) {
	t.Helper()
	sum, err := fileSum(library)
	if err == nil {
		err = errors.Join(os.WriteFile(library+sumSuffix, []byte(sum+"\n"), 0o644), rememberSum(sum))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// driver makes a libcuda.so.1 that reports this number of GPUs, this version and this compute capability.
func driver(t *testing.T, count, version, capability int) (folder string) {
	t.Helper()
	source := string(read(t, filepath.Join("..", "..", "cuda", "driver.c")))
	bodies := map[string]string{
		"cuDeviceGetCount":    fmt.Sprintf("int cuDeviceGetCount(int *n) { *n = %d; return 0; }", count),
		"cuDriverGetVersion":  fmt.Sprintf("int cuDriverGetVersion(int *v) { *v = %d; return 0; }", version),
		"cuDeviceGet":         "int cuDeviceGet(int *d, int i) { *d = i; return 0; }",
		"cuDeviceGetName":     `int cuDeviceGetName(char *s, int n, int d) { memcpy(s, "Stand-in", 9); return 0; }`,
		"cuDeviceTotalMem_v2": "int cuDeviceTotalMem_v2(size_t *n, int d) { *n = 24000000000; return 0; }",
		"cuMemGetInfo_v2": "int cuMemGetInfo_v2(size_t *f, size_t *n) " +
			"{ *f = 23000000000; *n = 24000000000; return 0; }",
		"cuDeviceGetAttribute": fmt.Sprintf("int cuDeviceGetAttribute(int *v, int a, int d) "+
			"{ *v = a == 75 ? %d : a == 76 ? %d : 0; return 0; }", capability/10, capability%10),
	}
	code := "#include <stddef.h>\n#include <string.h>\nlong cuTensorMapEncodeTiled() { return 0; }\n"
	entries := regexp.MustCompile(`E\(int, (cu\w+),`).FindAllStringSubmatch(source, -1)
	if len(entries) == 0 {
		t.Fatal("driver.c lists no functions")
	}
	for _, entry := range entries {
		if body := bodies[entry[1]]; body != "" {
			code += body + "\n"
		} else {
			code += "long " + entry[1] + "() { return 0; }\n"
		}
	}
	folder = t.TempDir()
	shared(t, folder, "libcuda.so.1", code)
	return folder
}

func TestGPULibraryIsChosen(t *testing.T) {
	onlyLinux(t)
	cache := emptyMachine(t, nil)
	if inSystem(t.Context()) != nil {
		t.Skip("the system has an ONNX Runtime of its own")
	}
	cpu := filepath.Join(cache, "1.30.0", systemFolder, libraryName())
	gpu13 := filepath.Join(cache, "1.31.1-cuda13", systemFolder)
	gpu12 := filepath.Join(cache, "1.26.0-cuda12", systemFolder)
	err := errors.Join(os.MkdirAll(filepath.Dir(cpu), 0o755),
		os.WriteFile(cpu, read(t, fakeLibrary(t, "1.30.0")), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	stamp(t, cpu)
	one, none := driver(t, 1, 13000, 90), driver(t, 0, 13000, 90)
	old := driver(t, 1, 12080, 90)
	located := func(provider, driver, want string) {
		t.Helper()
		out, failed := orttest.InChild(t, "locate", providerEnv+"="+provider, "LD_LIBRARY_PATH="+driver)
		if failed == strings.HasPrefix(want, "/") || !strings.Contains(out, want) {
			t.Errorf("provider %s, driver %q: got %s, want %s", provider, driver, out, want)
		}
	}
	located("", one, cpu)
	located("cpu", one, cpu)
	located("auto", one, cpu)
	located("cuda", one, "what mends it: trainer runtime install -gpu")
	located("tpu", one, `provider "tpu" is none of`)

	stamp(t, gpuBuild(t, gpu13, required...))
	located("cpu", one, cpu)
	located("auto", one, gpu13)
	located("auto", none, cpu)
	located("cuda", one, gpu13)
	located("cuda", none, gpu13) // CheckCUDA tells what is wrong
	located("cuda", old, gpu13)

	stamp(t, gpuBuild(t, gpu12, "libcudart.so.12", "libcublas.so.12"))
	located("cuda", old, gpu12)
	located("auto", old, gpu12)

	// A file that is no provider is passed over.
	if err := os.WriteFile(filepath.Join(gpu12, providerName()), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	located("cuda", old, gpu13)
}

func TestNVIDIALibrariesAreFound(t *testing.T) {
	onlyLinux(t)
	cache := emptyMachine(t, nil)
	site := t.TempDir()
	library := gpuBuild(t, filepath.Join(site, "onnxruntime", "capi"), required...)
	cached := filepath.Join(cache, "cuda13", systemFolder)
	packages := filepath.Join(site, "nvidia", "cu13", "lib")
	named := t.TempDir()
	// Python has cuBLAS without cuBLASLt: one package comes from one folder.
	nvidia(t, packages, "libcudart.so.13", "libcublas.so.13", "libcurand.so.10")
	nvidia(t, cached, "libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13")
	nvidia(t, filepath.Join(site, "nvidia", "cudnn", "lib"), "libcudnn.so.9")
	nvidia(t, named, "libcudart.so.13")
	t.Setenv("LD_LIBRARY_PATH", named)
	r, err := requirementsOf(providerOf(library))
	if err != nil || r.cuda != 13 {
		t.Fatalf("needs %v, %v", r, err)
	}
	got := map[string]string{}
	for _, l := range findLibraries(r.libraryList(), r.cuda, places(t.Context(), library, r.cuda)) {
		if l.Path != "" {
			got[l.Name] = filepath.Dir(l.Path)
		}
		if required := slices.Contains(required, l.Name); l.Required != required {
			t.Errorf("%s: required %t, want %t", l.Name, l.Required, required)
		}
	}
	for name, want := range map[string]string{
		"libcudart.so.13": named, "libcublas.so.13": cached, "libcublasLt.so.13": cached, "libcurand.so.10": packages,
		"libcudnn.so.9": filepath.Join(site, "nvidia", "cudnn", "lib"),
	} {
		if got[name] != want {
			t.Errorf("%s is found in %q, want %s", name, got[name], want)
		}
	}
}

// The error for each missing library has its name, its package and the command.
func TestNVIDIALibrariesAreMissing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds libraries")
	}
	onlyLinux(t)
	cache := emptyMachine(t, nil)
	t.Setenv("LD_LIBRARY_PATH", "")
	library := gpuBuild(t, t.TempDir(), required...)
	cached := filepath.Join(cache, "cuda13", systemFolder)
	for _, name := range required {
		for p := range places(t.Context(), library, 13) {
			if _, err := os.Stat(filepath.Join(p.folder, name)); err == nil {
				t.Skipf("%s has %s", p.folder, name)
			}
		}
	}
	for missing, pip := range map[string]string{
		"libcudart.so.13": "nvidia-cuda-runtime", "libcublasLt.so.13": "nvidia-cublas",
		"libcublas.so.13": "nvidia-cublas", "libcurand.so.10": "nvidia-curand",
	} {
		nvidia(t, cached, required...)
		if err := os.Remove(filepath.Join(cached, missing)); err != nil {
			t.Fatal(err)
		}
		err := openNVIDIA(t.Context(), library)
		orttest.Says(t, err, "CUDA 13", missing+" is missing (pip package "+pip+")",
			"trainer runtime install -gpu -cuda 13")
		if pip == "nvidia-cublas" {
			orttest.Says(t, err, "the rest of the package is not beside it")
		}
		for _, other := range required {
			if pip != "nvidia-cublas" && other != missing && strings.Contains(err.Error(), other) {
				t.Errorf("%s is not missing: %v", other, err)
			}
		}
	}
	// A library of the same name for another CUDA does not count.
	nvidia(t, cached, required...)
	nvidia(t, cached, "libcudart.so.12")
	shared(t, cached, "libcurand.so.10", "int nothing;", "libcudart.so.12")
	orttest.Says(t, openNVIDIA(t.Context(), library), "libcurand.so.10 is missing",
		"/libcurand.so.10 is for another version of CUDA")
	// Libraries of another CUDA are named.
	if err := os.RemoveAll(cached); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	nvidia(t, other, "libcublas.so.12", "libcudart.so.12")
	t.Setenv("LD_LIBRARY_PATH", other)
	orttest.Says(t, openNVIDIA(t.Context(), library),
		filepath.Join(other, "libcublas.so.12")+" is for another version of CUDA", "libcurand.so.10 is missing")
}

func TestDriverSuits(t *testing.T) {
	onlyLinux(t)
	library := &ort.Library{Path: gpuBuild(t, t.TempDir(), required...), Version: "1.31.1"}
	if err := checkDriver(library, 13000); err != nil {
		t.Error(err)
	}
	err := checkDriver(library, 12080)
	orttest.Says(t, err, "driver offers CUDA 12.8", "built for CUDA 13", "update the driver")
	if runtime.GOARCH == "amd64" {
		orttest.Says(t, err, "trainer runtime install -gpu -cuda 12")
	}
	if err := checkDriver(library, 11040); err == nil || strings.Contains(err.Error(), "-cuda 11") {
		t.Errorf("a driver for CUDA 11: %v", err)
	}
}

func TestReleaseRunsOn(t *testing.T) {
	find := func(version int) *gpuRelease {
		i := slices.IndexFunc(gpuReleases, func(r gpuRelease) bool {
			return r.System == "linux/amd64" && r.CUDA == version
		})
		return &gpuReleases[i]
	}
	for capability, want := range map[int][2]bool{ // for CUDA 12, 13
		52: {false, false}, 60: {true, false}, 61: {true, false}, 70: {true, false}, 75: {true, true},
		86: {true, true}, 89: {true, true}, 90: {true, true}, 100: {true, false}, 120: {true, true}, 121: {true, true},
	} {
		got := [2]bool{find(12).runsOn(capability/10, capability%10), find(13).runsOn(capability/10, capability%10)}
		if got != want {
			t.Errorf("compute capability %d: %v, want %v", capability, got, want)
		}
	}
	for _, r := range gpuReleases {
		if last := r.Runtime.Files[len(r.Runtime.Files)-1]; !isLibraryName(last.Name) && runtime.GOOS == "linux" {
			t.Errorf("%s for CUDA %d: the runtime's last file is %s", r.System, r.CUDA, last.Name)
		}
	}
}
