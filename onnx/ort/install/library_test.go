package install

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fovea/onnx/ort"
	"fovea/onnx/ort/internal/orttest"
)

// fakeLibrary compiles a shared library that tells a version and offers no interface; an empty version leaves
// OrtGetApiBase out.
func fakeLibrary(t *testing.T, version string) string {
	t.Helper()
	source := `int fovea_nothing;`
	if version != "" {
		source = `static const void *api(unsigned v) { return 0; }
static const char *version(void) { return "` + version + `"; }
static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }`
	}
	dir := t.TempDir()
	path := filepath.Join(dir, libraryName())
	if err := os.WriteFile(filepath.Join(dir, "fake.c"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	gcc(t, "-shared", "-fPIC", "-o", path, filepath.Join(dir, "fake.c"))
	return path
}

// startPath is the PATH at the start of this program. Tests set others.
var startPath = os.Getenv("PATH")

func gcc(t *testing.T, arguments ...string) {
	t.Helper()
	c := exec.Command("/usr/bin/env", append([]string{"PATH=" + startPath, "gcc"}, arguments...)...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
}

func onlyLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("builds and alters ELF files")
	}
}

// Each bad library has its own error, the process survives it, and nothing else is tried.
func TestBadLibraries(t *testing.T) {
	onlyLinux(t)
	otherMachine, err := os.ReadFile(fakeLibrary(t, "1.30.0"))
	if err != nil {
		t.Fatal(err)
	}
	machine := elf.EM_S390
	binary.LittleEndian.PutUint16(otherMachine[18:], uint16(machine)) // e_machine
	real, err := os.ReadFile(ort.InUse().Path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		want []string
	}{
		"text": {orttest.File(t, "libonnxruntime.so", []byte("this is text")),
			[]string{"is no shared library"}},
		"empty":        {orttest.File(t, "libonnxruntime.so", nil), []string{"is no shared library"}},
		"missing":      {filepath.Join(t.TempDir(), "none.so"), []string{"no such file"}},
		"empty folder": {t.TempDir(), []string{"holds no ONNX Runtime library"}},
		"truncated": {orttest.File(t, "libonnxruntime.so", real[:len(real)/2]),
			[]string{"no usable shared library"}},
		"other library": {fakeLibrary(t, ""), []string{"not ONNX Runtime", "OrtGetApiBase"}},
		"other machine": {orttest.File(t, "libonnxruntime.so", otherMachine),
			[]string{"linux/EM_S390", "linux/" + runtime.GOARCH}},
		"too old": {fakeLibrary(t, "1.24.4"),
			[]string{"too old", "ONNX Runtime 1.24.4 offers API 24; fovea needs 26: ONNX Runtime 1.26 to"}},
		"too new":    {fakeLibrary(t, "2.3.0"), []string{"too new", "2.3.0 no longer offers API 26"}},
		"no version": {fakeLibrary(t, "unknown"), []string{`"unknown"`}},
	} {
		t.Run(name, func(t *testing.T) {
			out, failed := orttest.InChild(t, "load", EnvLibrary+"="+c.path)
			if !failed {
				t.Fatalf("%s was loaded: %s", c.path, out)
			}
			for _, word := range append(c.want, EnvLibrary, c.path) {
				if !strings.Contains(out, word) {
					t.Errorf("the error lacks %q: %s", word, out)
				}
			}
		})
	}
}

func TestLoadOnce(t *testing.T) {
	out, failed := orttest.InChild(t, "load twice", EnvLibrary+"="+ort.InUse().Path)
	if failed || !strings.Contains(out, "this process already uses "+ort.InUse().Path) {
		t.Error(out)
	}
}

func TestDoctor(t *testing.T) {
	r := Doctor(t.Context(), Source{})
	if r.Library != ort.InUse() || len(r.Problems) > 0 || r.Library.API < ort.API ||
		!strings.Contains(r.String(), "ready") {
		t.Errorf("a working runtime is reported as\n%s", r)
	}
	out, _ := orttest.InChild(t, "doctor", EnvLibrary+"="+orttest.File(t, "libonnxruntime.so", []byte("text")))
	for _, word := range []string{"onnx runtime  none", "is no shared library", "mend", "trainer runtime install"} {
		if !strings.Contains(out, word) {
			t.Errorf("the report lacks %q:\n%s", word, out)
		}
	}
}

// With nothing anywhere, doctor names what is missing and fetches nothing.
func TestDoctorWithNothing(t *testing.T) {
	onlyLinux(t)
	out, _ := orttest.InChild(t, "doctor",
		"XDG_CACHE_HOME="+t.TempDir(), "PATH="+t.TempDir(), EnvLibrary+"=", "LD_LIBRARY_PATH=")
	if inSystem(t.Context()) != nil {
		t.Skip("the system has an ONNX Runtime of its own")
	}
	for _, word := range []string{"was not found", "trainer runtime install -from FILE"} {
		if !strings.Contains(out, word) {
			t.Errorf("the report lacks %q:\n%s", word, out)
		}
	}
}
