package install

import (
	"archive/zip"
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/onnx/ort"
	"fovea/onnx/ort/internal/orttest"
)

// A known library beside the program is taken, an unknown or damaged one never.
func TestKnownBesideTheProgram(t *testing.T) {
	onlyLinux(t)
	library := fakeLibrary(t, "1.30.0")
	release(t, library, libraryName(), false)
	folder := t.TempDir()
	path := filepath.Join(folder, libraryName())
	for _, c := range []struct {
		name    string
		content []byte
		want    int
	}{
		{"known", read(t, library), 1},
		{"damaged", append(read(t, library), 0), 0},
		{"foreign", read(t, fakeLibrary(t, "1.31.0")), 0},
	} {
		if err := os.WriteFile(path, c.content, 0o644); err != nil {
			t.Fatal(err)
		}
		found := knownIn(folder)
		if len(found) != c.want || c.want == 1 && (found[0].path != path || found[0].origin != "beside the program") {
			t.Errorf("%s: found %v", c.name, found)
		}
	}
}

// The search begins in the folder of the program, by way of links to it.
func TestSearchBesideTheProgram(t *testing.T) {
	onlyLinux(t)
	sum, err := fileSum(ort.InUse().Path)
	if err != nil || !knownSum(sum) {
		t.Skipf("the library in use is of the user's own: %v", err)
	}
	folder := t.TempDir()
	program, err := os.ReadFile("/proc/self/exe")
	link := filepath.Join(t.TempDir(), "program")
	err = errors.Join(err,
		os.WriteFile(filepath.Join(folder, "program"), program, 0o755),
		os.Symlink(filepath.Join(folder, "program"), link),
		os.Symlink(ort.InUse().Path, filepath.Join(folder, libraryName())))
	if err != nil {
		t.Fatal(err)
	}
	emptyMachine(t, nil)
	c := exec.Command(link)
	c.Env = append(os.Environ(), orttest.EnvChild+"=load")
	if out, err := c.Output(); err != nil || string(out) != "beside the program\n" {
		t.Errorf("%s %v", out, err)
	}
}

// The error about a server whose certificate this machine does not know says what to install.
func TestInstallFromUnknownServer(t *testing.T) {
	onlyLinux(t)
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	emptyMachine(t, nil)
	_, err := CPU(t.Context(), Options{From: server.URL + "/lib.so"})
	orttest.Says(t, err, "installing ONNX Runtime", "ca-certificates", "SSL_CERT_FILE")
}

// A wheel for a release has a library of a known sum for that system, and its licences.
func TestReleaseWheel(t *testing.T) {
	wheels := wheelSums
	t.Cleanup(func() { wheelSums = wheels })
	library := []byte("a library")
	wheelSums = map[string]string{sumOf(library): "darwin/arm64"}
	for _, c := range []struct {
		name, system, member string
		licences             bool
		want                 string
	}{
		{"whole", "darwin/arm64", "onnxruntime/capi/libonnxruntime.1.32.0.dylib", true, ""},
		{"other system", "linux/amd64", "onnxruntime/capi/libonnxruntime.so.1.32.0", true, "not known for linux/amd64"},
		{"no licence", "darwin/arm64", "onnxruntime/capi/libonnxruntime.dylib", false, "its licences"},
		{"no library", "darwin/arm64", "elsewhere/libonnxruntime.dylib", true, "lacks the library"},
		{"system without", "plan9/386", "", true, "no wheel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			z := zip.NewWriter(&b)
			members := map[string][]byte{c.member: library}
			if c.licences {
				members["onnxruntime/LICENSE"], members["onnxruntime/ThirdPartyNotices.txt"] = []byte("MIT"), nil
			}
			for name, content := range members {
				w, err := z.Create(name)
				if err == nil {
					_, err = w.Write(content)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			folder := t.TempDir()
			file := filepath.Join(folder, strings.ReplaceAll(c.system, "/", "-"), "wheels", "o.whl")
			err := errors.Join(z.Close(), os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, b.Bytes(), 0o644))
			if err != nil {
				t.Fatal(err)
			}
			r, err := ForRelease(t.Context(), c.system, folder)
			if c.want != "" {
				orttest.Says(t, err, c.want)
				return
			}
			if err != nil || r.Name != "libonnxruntime.dylib" || !bytes.Equal(r.Library, library) || len(r.Texts) != 2 {
				t.Errorf("%v %v", r, err)
			}
		})
	}
}

// ONNX Runtime finds in its own environment that it must not send reports, before it begins to work.
func TestNoTelemetry(t *testing.T) {
	onlyLinux(t)
	folder := t.TempDir()
	source := `#include <stdlib.h>
static const void *api(unsigned v) { return 0; }
static const char *version(void) {
	const char *off = getenv("ORT_DISABLE_TELEMETRY");
	return off && *off == '1' ? "1.30.0" : "1.0.0";
}
static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }`
	if err := os.WriteFile(filepath.Join(folder, "fake.c"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(folder, libraryName())
	gcc(t, "-shared", "-fPIC", "-o", library, filepath.Join(folder, "fake.c"))
	if version, err := probe(library); version != "1.30.0" {
		t.Errorf("%q %v", version, err)
	}
}
