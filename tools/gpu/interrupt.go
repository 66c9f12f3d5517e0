package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"fovea/internal/durable"
	"fovea/internal/runfiles"
)

const exitInterrupted = 130

// interrupt presses Ctrl-C.
func interrupt(ctx context.Context, s *section) error {
	switch {
	case s.Trainer == "":
		return skip("no trainer: go build ./cmd/trainer, and name it with -trainer")
	case runtime.GOOS == "windows":
		return skip("Windows has no SIGINT to send")
	}
	count := 20
	if s.cuda() {
		count = 1000 // all: a GPU is through with an epoch in a moment
	}
	dir, err := s.dataset("fundus", "retinamnist", 1, map[string]int{"train": count, "val": 4, "test": 5})
	if err != nil {
		return err
	}
	m := s.Sizes.Resume
	c := m.config(s.settings, s.Provider, s.halfPrecision())
	c.Data.Dir = dir
	c.Name, c.Output.Dir, c.Runtime.CUDAGraph = "interrupted", filepath.Join(s.folder, "runs"), s.cuda()
	c.Schedule.Epochs, c.Schedule.Warmup = 6, 1
	file := filepath.Join(s.folder, "interrupted.toml")
	if err := durable.Write(file, c.WriteTOML); err != nil {
		return err
	}
	folder := filepath.Join(c.Output.Dir, c.Name)
	s.table(fmt.Sprintf("trainer -config FILE: %s, %s", m, c.Training.Precision), "what", "outcome", "")

	code, log, err := s.trainer(ctx, "epoch=1/", "-config", file)
	if err != nil {
		return err
	}
	s.row("exit code after SIGINT in the second epoch", fmt.Sprint(code), verdictOf(code == exitInterrupted))
	s.require(code == exitInterrupted, "exit code %d:\n%s", code, log)
	_, err = os.Stat(filepath.Join(folder, runfiles.LastCheckpoint, runfiles.CheckpointState))
	s.row(runfiles.LastCheckpoint, existence(err), verdictOf(err == nil))
	s.require(err == nil, "no checkpoint")
	_, err = os.Stat(filepath.Join(folder, runfiles.Metrics("test")))
	s.require(err != nil, "the run had ended before it was interrupted")
	crashed := ""
	for _, words := range []string{"terminate called", "SIGSEGV", "SIGABRT", "panic:", "CUDA failure", "CUDA error"} {
		if strings.Contains(log, words) {
			crashed = words
		}
	}
	s.row("words of a crash", crashed, verdictOf(crashed == ""))
	s.require(crashed == "", "the trainer's log speaks of a crash:\n%s", log)

	code, log, err = s.trainer(ctx, "", "-config", file, "-resume")
	if err != nil {
		return err
	}
	s.row("exit code of the resumed run", fmt.Sprint(code), verdictOf(code == 0))
	s.require(code == 0, "the resumed run: exit code %d:\n%s", code, log)
	_, err = os.Stat(filepath.Join(folder, runfiles.Model))
	s.row(runfiles.Model, existence(err), verdictOf(err == nil))
	s.require(err == nil, "no model")
	return nil
}

func existence(err error) string {
	if err != nil {
		return "missing"
	}
	return "written"
}

// halfPrecision is what a user of a GPU would choose.
func (s *settings) halfPrecision() string {
	if p := s.precisions("bf16", "fp16", "fp32"); len(p) > 0 {
		return p[0]
	}
	return "fp32"
}

// trainer runs it and interrupts it a moment after its log has the words, if there
// are any.
func (s *section) trainer(ctx context.Context, until string, args ...string) (code int, log string, err error) {
	var text bytes.Buffer
	seen := make(chan struct{}, 1)
	c := exec.CommandContext(ctx, s.Trainer, args...)
	c.Stdout, c.Stderr = &text, io.MultiWriter(&text, watch{until, seen})
	c.WaitDelay = 10 * time.Second
	if err := c.Start(); err != nil {
		return 0, "", err
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	for {
		select {
		case <-seen:
			time.Sleep(20 * time.Millisecond)
			if err := c.Process.Signal(os.Interrupt); err != nil {
				return 0, "", fmt.Errorf("interrupting the trainer: %w\n%s", err, &text)
			}
			seen = nil
		case err := <-done:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return 0, "", err
			}
			return c.ProcessState.ExitCode(), text.String(), nil
		}
	}
}

// watch tells once when what is written has the words.
type watch struct {
	words string
	seen  chan<- struct{}
}

func (w watch) Write(p []byte) (int, error) {
	if w.words != "" && bytes.Contains(p, []byte(w.words)) {
		select {
		case w.seen <- struct{}{}:
		default:
		}
	}
	return len(p), nil
}
