package cudastub

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/onnx/ort/install"
)

// EnvFolder is the environment variable that names the folder that cudastub.py made.
const EnvFolder = "FOVEA_CUDA_STUB"

// Run repeats the test in a process that uses the GPU library and the stand-ins, calls f in it, and fails with it. The
// dynamic linker reads LD_LIBRARY_PATH only when a process starts, and a process uses one ONNX Runtime. Without
// FOVEA_CUDA_STUB the test is skipped.
func Run(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	folder := os.Getenv(EnvFolder)
	if folder == "" {
		t.Skipf("needs the stand-in CUDA libraries: python3 tools/cudastub/cudastub.py DIR, then %s=DIR", EnvFolder)
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	stub := filepath.Join(folder, "stub")
	if slices.Contains(filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")), stub) {
		if _, err := install.Load(context.Background(), install.Source{Library: filepath.Join(folder, "ort")}); err != nil {
			t.Fatal(err)
		}
		f(t)
		return
	}
	// go test matches each level of a subtest's name with a pattern of its own.
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	c := exec.Command(os.Args[0], "-test.run="+pattern, "-test.v")
	c.Env = append(os.Environ(),
		"LD_LIBRARY_PATH="+stub+string(filepath.ListSeparator)+os.Getenv("LD_LIBRARY_PATH"),
		install.EnvLibrary+"="+filepath.Join(folder, "ort"))
	out, err := c.CombinedOutput()
	t.Logf("with the stand-in CUDA libraries:\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
