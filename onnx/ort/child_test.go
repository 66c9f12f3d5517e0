package ort

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// childEnv makes this test program do one thing in a process of its own, for
// what can be done only once a process (loading a library) or by several.
const childEnv = "FOVEA_ORT_TEST_CHILD"

// providerEnv is the provider that a child loads a library for.
const providerEnv = "FOVEA_ORT_TEST_PROVIDER"

// child does what its name says and prints the result; an error exits with 1.
func child(action string) int {
	ctx := context.Background()
	var result any
	var err error
	switch action {
	case "load":
		if result, err = Load(ctx, Source{}); err == nil {
			result = result.(*Library).Origin
		}
	case "load twice":
		result, err = loadTwice(ctx)
	case "install":
		result, err = Install(ctx, InstallOptions{})
	case "doctor":
		result = Doctor(ctx, Source{})
	case "locate":
		var c candidate
		c, err = locate(ctx, Source{Provider: os.Getenv(providerEnv)})
		result = c.path
	case "check":
		if _, err = Load(ctx, Source{Provider: os.Getenv(providerEnv)}); err == nil {
			result, err = "usable", CheckCUDA(ctx)
		}
	case "gpu doctor":
		result = Doctor(ctx, Source{Provider: os.Getenv(providerEnv)})
	case "log":
		result, err = logged(ctx)
	default:
		err = fmt.Errorf("no action %q", action)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(result)
	return 0
}

// loadTwice loads a library, a bad one before it and another one after it.
func loadTwice(ctx context.Context) (string, error) {
	if _, err := Load(ctx, Source{Library: os.Args[0]}); err == nil {
		return "", fmt.Errorf("this program was loaded as a library")
	}
	first, err := Load(ctx, Source{})
	if err != nil {
		return "", fmt.Errorf("after a failed load: %w", err)
	}
	for _, same := range []string{"", first.Path, filepath.Dir(first.Path)} {
		if again, err := Load(ctx, Source{Library: same}); err != nil || again != first {
			return "", fmt.Errorf("loading %q again: %v, %w", same, again, err)
		}
	}
	_, err = Load(ctx, Source{Library: os.Args[0]})
	return fmt.Sprint(err), nil
}

// logged makes a session of a model that the runtime has something to say about.
func logged(ctx context.Context) (string, error) {
	var lines bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	if _, err := Load(ctx, Source{}); err != nil {
		return "", err
	}
	s, err := OpenSession(os.Getenv("FOVEA_ORT_TEST_MODEL"), Options{})
	if err != nil {
		return "", err
	}
	return lines.String(), s.Close()
}

// inChild runs an action in a process of its own and returns what it printed.
func inChild(t *testing.T, action string, env ...string) (out string, failed bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), childEnv+"="+action), env...)
	text, err := c.Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	if err != nil && c.ProcessState.ExitCode() != 1 {
		t.Fatalf("%s: %v\n%s%s", action, err, text, err.(*exec.ExitError).Stderr)
	}
	return strings.TrimSpace(string(text)), err != nil
}
