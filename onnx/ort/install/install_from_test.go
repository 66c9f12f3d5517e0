package install

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/progress"
	"fovea/onnx/ort/internal/orttest"
)

// wheel packs a library the way Python wheels do, beside others.
func wheel(t *testing.T, library string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "onnxruntime-1.32.0-cp311-cp311-linux.whl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, member := range []struct {
		name string
		data []byte
	}{
		{"onnxruntime/__init__.py", []byte("raise SystemExit\n")},
		{"elsewhere/" + libraryName(), []byte("for another system")},
		{"onnxruntime/capi/libonnxruntime_providers_shared.so", []byte("no")},
		{"onnxruntime/capi/" + libraryName(), read(t, library)},
	} {
		w, err := z.Create(member.name)
		if err == nil {
			_, err = w.Write(member.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func tgz(t *testing.T, library string) []byte {
	t.Helper()
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	w := tar.NewWriter(g)
	data := read(t, library)
	header := &tar.Header{
		Name: "onnxruntime-linux-x64/lib/" + libraryName(),
		Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg,
	}
	if err := errors.Join(w.WriteHeader(header), second(w.Write(data)), w.Close(), g.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func second(_ int, err error) error { return err }

func TestInstallFrom(t *testing.T) {
	onlyLinux(t)
	library := fakeLibrary(t, "1.30.0")
	sum, err := fileSum(library)
	if err != nil {
		t.Fatal(err)
	}
	packed := wheel(t, library)
	archive := tgz(t, library)
	mux := http.NewServeMux()
	serve := func(path string, data []byte) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data)
		})
	}
	serve("/lib.so", read(t, library))
	serve("/p.whl", read(t, packed))
	serve("/p.tgz", archive)
	serve("/page", []byte("<html>not found</html>"))
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte("half"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	for name, from := range map[string]string{
		"path":       library,
		"file URL":   "file://" + library,
		"wheel":      packed,
		"tgz":        orttest.File(t, "ort.tgz", archive),
		"URL":        server.URL + "/lib.so#sha256=" + sum,
		"wheel URL":  server.URL + "/p.whl#sha256=" + strings.ToUpper(sum),
		"tgz URL":    server.URL + "/p.tgz#sha256=" + sum,
		"sum of own": "file://" + packed + "#sha256=" + sum,
	} {
		t.Run(name, func(t *testing.T) {
			cache := emptyMachine(t, nil)
			path, err := CPU(t.Context(), Options{From: from})
			if err != nil {
				t.Fatal(err)
			}
			installed(t, path, cache, library)
		})
	}
	t.Run("known URL", func(t *testing.T) {
		release(t, library, "", true)
		cache := emptyMachine(t, nil)
		var last, all int64
		path, err := CPU(t.Context(), Options{
			From:     server.URL + "/lib.so",
			Progress: func(u progress.Update) { last, all = int64(u.Done), int64(u.Total) },
		})
		if err != nil {
			t.Fatal(err)
		}
		installed(t, path, cache, library)
		if size := int64(len(read(t, library))); last != size || all != size {
			t.Errorf("progress ended at %d of %d, want %d", last, all, size)
		}
	})
	for name, c := range map[string]struct{ from, want string }{
		"unknown URL":    {server.URL + "/lib.so", "append #sha256=" + sum},
		"wrong sum":      {server.URL + "/lib.so#sha256=" + strings.Repeat("0", 64), "is expected"},
		"malformed sum":  {server.URL + "/lib.so#sha256=12", "64 hexadecimal digits"},
		"absent URL":     {server.URL + "/none", "404"},
		"page":           {server.URL + "/page#sha256=" + sum, "is expected"},
		"short download": {server.URL + "/short", "unexpected EOF"},
		"scheme":         {"ftp://example.org/lib.so", `"ftp"`},
		"absent file":    {"/nowhere/lib.so", "no such file"},
		"folder":         {t.TempDir(), "is a folder, not a file"},
		"text":           {orttest.File(t, "lib.so", []byte("some text")), "is no shared library"},
		"broken wheel":   {orttest.File(t, "p.whl", read(t, packed)[:2000]), "zip: not a valid zip file"},
		"broken tgz":     {orttest.File(t, "p.tgz", archive[:len(archive)/2]), "unexpected EOF"},
		"too old":        {fakeLibrary(t, "1.24.4"), "too old"},
		"empty":          {orttest.File(t, "lib.so", nil), "is no shared library"},
	} {
		t.Run(name, func(t *testing.T) {
			emptyMachine(t, nil)
			_, err := CPU(t.Context(), Options{From: c.from})
			orttest.Says(t, err, "installing ONNX Runtime", c.want)
			if found := inCache(t.Context()); len(found) > 0 {
				t.Errorf("stored nevertheless: %v", found)
			}
		})
	}
}
