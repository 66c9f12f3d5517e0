package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"fovea/internal/progress"
)

func TestPlainProgress(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(&out)
	clock := time.Unix(0, 0)
	c.now = func() time.Time { return clock }
	step := func(after time.Duration, u progress.Update) {
		clock = clock.Add(after)
		c.update(u)
	}
	epoch := func(done int) progress.Update {
		return progress.Update{Task: "epoch 3/60", Done: done, Total: 1000, Unit: "images", Detail: "loss 1.09"}
	}
	step(0, progress.Update{Task: "check images", Done: 0, Total: 10, Unit: "images"})
	// A second is too short to show.
	step(time.Second, progress.Update{Task: "check images", Done: 10, Total: 10, Unit: "images"})
	step(0, epoch(100)) // resumed
	step(9*time.Second, epoch(190))
	step(time.Second, epoch(200))
	step(time.Second, epoch(210)) // too soon
	step(29*time.Second, epoch(1000))
	step(0, progress.Update{Task: "fetch ONNX Runtime", Unit: "bytes"})
	step(20*time.Second, progress.Update{Task: "fetch ONNX Runtime", Done: 34_400_000, Unit: "bytes"})
	c.close()
	want := `epoch 3/60, loss 1.09: 200 of 1000 images, 10 images/s, 1m20s left
epoch 3/60, loss 1.09: 1000 of 1000 images, 22 images/s
fetch ONNX Runtime: 34.4 MB, 1.7 MB/s
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBarOnTerminal(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(&out)
	c.terminal = true
	c.update(progress.Update{Task: "epoch 1/2", Done: 0, Total: 100, Unit: "images"})
	if drawn := out.String(); !strings.Contains(drawn, "epoch 1/2") || !strings.Contains(drawn, "images/") {
		t.Errorf("no bar: %q", drawn)
	}
	out.Reset()
	c.line("a line of the log")
	const clear = "\033[2K\r"
	if got, want := out.String(), clear+"a line of the log\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.update(progress.Update{Task: "epoch 1/2", Done: 100, Total: 100, Unit: "images"})
	if got := out.String(); !strings.HasSuffix(got, clear) {
		t.Errorf("the bar stays: %q", got)
	}
	if c.bar != nil {
		t.Error("the task has not ended")
	}
	out.Reset()
	c.update(progress.Update{Task: "fetch ONNX Runtime", Done: 1000, Unit: "bytes"}) // total not known
	c.close()
	if got := out.String(); !strings.Contains(got, "fetch ONNX Runtime") || !strings.HasSuffix(got, clear) {
		t.Errorf("got %q", got)
	}
}

// TestResultsTakeTheBarAway proves that a result clears the bar once, and never what else stands on the line.
func TestResultsTakeTheBarAway(t *testing.T) {
	var terminal bytes.Buffer
	c := newConsole(&terminal)
	c.terminal = true
	c.update(progress.Update{Task: "eval", Done: 1, Total: 100, Unit: "images"})
	terminal.Reset()
	stdout := aboveBar{c, &terminal}
	fmt.Fprint(stdout, "model.onnx: ")
	fmt.Fprint(stdout, "25 images\n")
	if got, want := terminal.String(), "\033[2K\rmodel.onnx: 25 images\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogHandler(t *testing.T) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(newLogHandler(&out, level))
	log.Debug("not shown")
	log.Info("epoch 3", "loss", 1.5, "time", "2s")
	log.With("path", "a b.jpg").Warn("cannot be read", "err", errors.New("truncated"))
	log.WithGroup("ort").Error("failed", "code", 1)
	level.Set(slog.LevelDebug)
	log.Debug("shown")
	want := `T epoch 3 loss=1.5 time=2s
T warning: cannot be read path="a b.jpg" err=truncated
T error: failed ort.code=1
T debug: shown
`
	if got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d`).ReplaceAllString(out.String(), "T"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
