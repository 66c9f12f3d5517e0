package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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
	if runtime.GOOS == "windows" {
		return skip("Windows has no SIGINT to send")
	}
	trainer, err := s.findTrainer(ctx)
	if err != nil {
		return err
	}
	count := 20
	if s.cuda() {
		count = 1000 // all of them, because a GPU is through with an epoch in a moment
	}
	dir, err := s.dataset("fundus", "retinamnist", 1, map[string]int{"train": count, "val": 4, "test": 5})
	if err != nil {
		return err
	}
	m := mini(5)
	c := s.config(m, s.halfPrecision())
	c.Name, c.Data.Dir, c.Output.Dir = "interrupted", dir, filepath.Join(s.folder, "runs")
	c.Schedule.Epochs, c.Schedule.Warmup, c.Runtime.CUDAGraph = 6, 1, s.cuda()
	file := filepath.Join(s.folder, "interrupted.toml")
	if err := durable.Write(file, c.WriteTOML); err != nil {
		return err
	}
	folder := filepath.Join(c.Output.Dir, c.Name)
	s.table(fmt.Sprintf("trainer -config FILE: %s, %s", m, c.Training.Precision), "what", "outcome", "")

	code, log, err := runTrainer(ctx, trainer, "epoch=1/", "-config", file)
	if err != nil {
		return err
	}
	s.judge(code == exitInterrupted, fmt.Sprintf("exit code %d:\n%s", code, log),
		"exit code after SIGINT in the second epoch", fmt.Sprint(code))
	s.judgeFile(runfiles.LastCheckpoint, filepath.Join(folder, runfiles.LastCheckpoint, runfiles.CheckpointState))
	_, err = os.Stat(filepath.Join(folder, runfiles.Metrics("test")))
	s.require(err != nil, "the run had ended before it was interrupted")
	code, log, err = runTrainer(ctx, trainer, "", "-config", file, "-resume")
	if err != nil {
		return err
	}
	s.judge(code == 0, fmt.Sprintf("the resumed run: exit code %d:\n%s", code, log),
		"exit code of the resumed run", fmt.Sprint(code))
	s.judgeFile(runfiles.Model, filepath.Join(folder, runfiles.Model))
	return nil
}

func (s *section) judgeFile(name, path string) {
	found := "written"
	_, err := os.Stat(path)
	if err != nil {
		found = "missing"
	}
	s.judge(err == nil, "no "+name, name, found)
}

// findTrainer returns the path of the trainer: from -trainer, or else newly built, or beside this program.
func (s *section) findTrainer(ctx context.Context) (string, error) {
	if s.Trainer != "" {
		return filepath.Abs(s.Trainer) // a name alone would be looked for in PATH
	}
	built := filepath.Join(s.folder, "trainer")
	if err := exec.CommandContext(ctx, "go", "build", "-o", built, "fovea/cmd/trainer").Run(); err == nil {
		return built, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	beside := filepath.Join(filepath.Dir(self), "trainer")
	if _, err := os.Stat(beside); err != nil {
		return "", skip("no trainer: go build ./cmd/trainer, and name it with -trainer")
	}
	return beside, nil
}

// runTrainer runs the trainer, and interrupts it a moment after its log has the words, if there are any.
func runTrainer(ctx context.Context, trainer, until string, args ...string) (code int, log string, err error) {
	c := exec.CommandContext(ctx, trainer, args...)
	c.WaitDelay = 10 * time.Second
	var output strings.Builder
	c.Stdout = &output
	stderr, err := c.StderrPipe()
	if err != nil {
		return 0, "", err
	}
	if err := c.Start(); err != nil {
		return 0, "", err
	}
	for lines := bufio.NewReader(stderr); err == nil; {
		var line string
		line, err = lines.ReadString('\n')
		log += line
		if until != "" && strings.Contains(line, until) {
			until = ""
			time.Sleep(20 * time.Millisecond)
			if err := c.Process.Signal(os.Interrupt); err != nil {
				return 0, "", fmt.Errorf("interrupting the trainer: %w\n%s", err, log)
			}
		}
	}
	var exit *exec.ExitError
	if err := c.Wait(); err != nil && !errors.As(err, &exit) {
		return 0, "", err
	}
	return c.ProcessState.ExitCode(), log + output.String(), nil
}
