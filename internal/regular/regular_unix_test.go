//go:build unix

package regular_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fovea/internal/regular"
)

// What is no file is an error that names its kind, at once: the pipe has no writer.
func TestOpenOthers(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := unix.Mkfifo(path("pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", path("link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // the name of a socket is limited
	socket, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]string{
		path("pipe"): "a named pipe, not a file", path("link"): "a named pipe, not a file",
		path("socket"): "a socket, not a file", "/dev/zero": "a device, not a file", dir: "a folder, not a file",
		path("none"): "no such file",
	} {
		_, err := regular.Open(name)
		_, readErr := regular.ReadFile(name, 1)
		errs := []error{err, readErr}
		if filepath.Dir(name) == dir {
			_, err := regular.OpenIn(root, filepath.Base(name))
			errs = append(errs, err)
		}
		for i, err := range errs {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%d of %s: error is %v, want %q", i, name, err, want)
			}
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("abc"), 0o666); err != nil {
		t.Fatal(err)
	}
	if b, err := regular.ReadFile(path, 3); string(b) != "abc" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := regular.ReadFile(path, 2); err == nil || !strings.Contains(err.Error(), "more than 2 bytes") {
		t.Errorf("error is %v", err)
	}
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skip(err)
	}
	if _, err := regular.ReadFile(path, 1<<20); err == nil { // reads nothing
		t.Error("a terabyte was read")
	}
}
