//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"fovea/evaluation/report"
)

// A program is the built trainer.
type program string

func build(t *testing.T) program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trainer")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program(path)
}

// A process is a running trainer; stderr is written to by it until done.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// start runs the program with variables added to the environment. Its standard error is watched: each line goes to
// seen, if that is given.
func (p program) start(t *testing.T, seen chan<- string, variables []string, args ...string) *process {
	t.Helper()
	c := &process{Cmd: exec.CommandContext(t.Context(), string(p), args...)}
	c.Env = append(os.Environ(), variables...)
	c.Stdout, c.Stderr = &c.stdout, &c.stderr
	if seen != nil {
		c.Stderr = io.MultiWriter(&c.stderr, lines{seen})
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// lines passes what is written on without ever waiting for a receiver.
type lines struct{ to chan<- string }

func (l lines) Write(b []byte) (int, error) {
	select {
	case l.to <- string(b):
	default:
	}
	return len(b), nil
}

// exit waits for the end and returns the exit code, -1 for a signal.
func (c *process) exit(t *testing.T) int {
	t.Helper()
	var exit *exec.ExitError
	if err := c.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode()
}

// TestProgram runs the built program as a user does.
func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("trains RetinaMNIST")
	}
	trainer := build(t)
	data, runs := fundus(t), t.TempDir()
	const epochs = 16
	config := smallConfig(t, data, runs, epochs)
	whole := filepath.Join(runs, "small")

	run := func(t *testing.T, want int, variables []string, args ...string) (stdout, stderr string) {
		t.Helper()
		c := trainer.start(t, nil, variables, args...)
		if code := c.exit(t); code != want {
			t.Fatalf("trainer %q: exit code %d, want %d:\n%s%s", args, code, want, &c.stdout, &c.stderr)
		}
		return c.stdout.String(), c.stderr.String()
	}
	mention := func(t *testing.T, text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in:\n%s", part, text)
			}
		}
	}

	stdout, _ := run(t, exitDone, nil, "-config", config)
	mention(t, stdout, "small: best epoch", "roc_auc", "run folder: "+whole)

	t.Run("a finished run is not overwritten", func(t *testing.T) {
		before := read(t, whole, "model.onnx")
		_, stderr := run(t, exitFailed, nil, "-config", config)
		mention(t, stderr, "holds a finished run", whole)
		if !bytes.Equal(read(t, whole, "model.onnx"), before) {
			t.Error("model.onnx was changed")
		}
	})

	t.Run("eval repeats the test", func(t *testing.T) {
		out := t.TempDir()
		stdout, _ := run(t, exitDone, nil, "eval", "-model", filepath.Join(whole, "model.onnx"), "-data", data, "-out", out)
		mention(t, stdout, "25 images, 5 classes; intervals of 95 %", "roc_auc")
		mention(t, string(read(t, out, "report.html")), "25 test images", "2000 rounds", "trainer eval -model",
			"data:image/png;base64")
		for _, name := range []string{"metrics_test.csv", "metrics_test.json", "predictions_test.csv", "figures/roc.svg",
			"figures/errors.png"} {
			if !bytes.Equal(read(t, out, name), read(t, whole, name)) {
				t.Errorf("%s differs", name)
			}
		}
	})

	t.Run("inspect tells what training wrote", func(t *testing.T) {
		stdout, _ := run(t, exitDone, nil, "inspect", filepath.Join(whole, "model.onnx"))
		mention(t, stdout, "producer        fovea", "output          probabilities float32[batch,", "fovea.classes",
			"fovea.best_epoch")
	})

	t.Run("unknown key", func(t *testing.T) {
		_, stderr := run(t, exitUsage, nil, "-config", config, "-set", "optimizer.larning_rate=1")
		mention(t, stderr, "optimizer.larning_rate", "unknown key")
		bad := writeConfig(t, "[data]\ndir = \"x\"\n[optimizer]\nweight_deccay = 0.1\n")
		_, stderr = run(t, exitUsage, nil, "-config", bad)
		mention(t, stderr, bad+":4", "optimizer.weight_deccay", "did you mean optimizer.weight_decay?")
	})

	t.Run("no ONNX Runtime", func(t *testing.T) {
		text := filepath.Join(t.TempDir(), "libonnxruntime.so")
		if err := os.WriteFile(text, []byte("this is no library\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, stderr := run(t, exitFailed, []string{"FOVEA_ORT=" + text}, "-config", config, "-set", "name=other")
		mention(t, stderr, text)
		stdout, _ := run(t, exitDone, []string{"FOVEA_ORT=" + text}, "inspect", filepath.Join(whole, "model.onnx"))
		mention(t, stdout, "not measured", "MatMul ")
		if _, err := os.Stat(filepath.Join(runs, "other")); err == nil {
			t.Error("a run folder is left behind")
		}
	})

	for name, signal := range map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			args := []string{"-config", config, "-set", "name=" + name}
			seen := make(chan string, 100)
			c := trainer.start(t, seen, nil, args...)
			await(t, seen, regexp.MustCompile(`epoch=\d+/`)) // training is under way
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if code := c.exit(t); code != exitInterrupted {
				t.Fatalf("exit code %d:\n%s", code, &c.stderr)
			}
			end := "resume with:\n  trainer -config " + report.Line(config) + " -set name=" + name + " -resume\n"
			if !strings.HasSuffix(c.stderr.String(), end) {
				t.Errorf("standard error does not end with\n%s:\n%s", end, &c.stderr)
			}
			folder := filepath.Join(runs, name)
			read(t, folder, "checkpoints/last/state.json")
			if _, err := os.Stat(filepath.Join(folder, "metrics_test.csv")); err == nil {
				t.Fatal("the run ended before the signal")
			}
			_, stderr := run(t, exitFailed, nil, args...)
			mention(t, stderr, "unfinished run", "-resume")

			run(t, exitDone, nil, append(args, "-resume")...)
			for _, file := range []string{"metrics_test.csv", "predictions_test.csv", "log.txt",
				"checkpoints/last/model.safetensors", "checkpoints/best/model.safetensors"} {
				if !bytes.Equal(read(t, folder, file), read(t, whole, file)) {
					t.Errorf("%s is not that of the run without a break", file)
				}
			}
		})
	}
}

// await reads what comes until it matches.
func await(t *testing.T, from <-chan string, what *regexp.Regexp) {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		select {
		case text := <-from:
			if what.MatchString(text) {
				return
			}
		case <-timeout:
			t.Fatalf("no %s in two minutes", what)
		}
	}
}
