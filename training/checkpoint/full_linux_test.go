package checkpoint

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fovea/internal/runfiles"
)

// checkFull checks the error of a Write that had no room, and that the checkpoint before is complete.
func checkFull(t *testing.T, dir, message string) {
	t.Helper()
	for _, want := range []string{dir, "there is no room", "still valid"} {
		if !strings.Contains(message, want) {
			t.Errorf("error %q, want one with %q", message, want)
		}
	}
	if n := readNumber(t, dir); n != 1 {
		t.Errorf("read %d, want the earlier checkpoint", n)
	}
	if got := listing(t, filepath.Dir(dir)); got != "last" {
		t.Errorf("left over: %s", got)
	}
}

func TestFullDisk(t *testing.T) {
	parent := t.TempDir()
	if err := syscall.Mount("tmpfs", parent, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	defer syscall.Unmount(parent, syscall.MNT_DETACH)
	dir := filepath.Join(parent, "last")
	if err := Write(dir, sample(1)); err != nil { // 320 KiB; a second has no room
		t.Fatal(err)
	}
	err := Write(dir, sample(2))
	if err == nil {
		t.Fatal("no error")
	}
	checkFull(t, dir, err.Error())
}

// A limit on the size of files fails the same way and needs no root. It binds a whole process, so the test starts
// itself again.
func TestFileSizeLimit(t *testing.T) {
	if dir := os.Getenv("CHECKPOINT_LIMITED_DIR"); dir != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 150 << 10, Max: 150 << 10} // room for model.safetensors only
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Skip(err)
		}
		t.Fatal(Write(dir, sample(2)))
	}
	dir := filepath.Join(t.TempDir(), "last")
	if err := Write(dir, sample(1)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFileSizeLimit$")
	cmd.Env = append(os.Environ(), "CHECKPOINT_LIMITED_DIR="+dir)
	out, err := cmd.Output()
	if err == nil {
		t.Fatalf("the write succeeds: %s", out)
	}
	checkFull(t, dir, string(out))
	if !strings.Contains(string(out), runfiles.CheckpointOptimizer) {
		t.Errorf("error %q does not name the file", out)
	}
}
