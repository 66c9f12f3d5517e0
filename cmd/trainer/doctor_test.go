package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that is no library is a problem with its name, not a crash.
func TestDoctorNamesAWrongLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(path, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := trainer(t, "doctor", "-set", "runtime.library="+path)
	if code != exitFailed || !strings.Contains(stdout, path) || !strings.Contains(stdout, "trainer runtime install") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}
