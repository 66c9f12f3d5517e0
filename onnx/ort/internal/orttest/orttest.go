// Package orttest has the helpers that the tests of ort and of ort/install share.
package orttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Says fails the test unless err has all words.
func Says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", words)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error lacks %q: %v", word, err)
		}
	}
}

// File writes a file into a folder of its own and returns its path.
func File(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// EnvChild is the environment variable with which a test program does one thing in a process of its own instead of its
// tests. It is for things that can be done only once a process, such as loading a library, or by several processes.
const EnvChild = "FOVEA_ORT_TEST_CHILD"

// InChild runs this test program with an action in EnvChild, and returns what it printed and whether it ended with 1.
func InChild(t *testing.T, action string, env ...string) (out string, failed bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), EnvChild+"="+action), env...)
	text, err := c.Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	if err != nil && c.ProcessState.ExitCode() != 1 {
		t.Fatalf("%s: %v\n%s%s", action, err, text, err.(*exec.ExitError).Stderr)
	}
	return strings.TrimSpace(string(text)), err != nil
}
