package checkpoint

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestMain makes this binary a program that writes checkpoints without end, from a step on, when the tests start it as
// one.
func TestMain(m *testing.M) {
	dir := os.Getenv("CHECKPOINT_WRITER_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	n, err := strconv.Atoi(os.Getenv("CHECKPOINT_WRITER_STEP"))
	for ; err == nil; n++ {
		if err = write(dir, sample(n), swaps[os.Getenv("CHECKPOINT_WRITER_SWAP")]); err == nil {
			fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A writer that is killed at any moment leaves a checkpoint that is complete and not older than the last that it
// finished.
func TestKilledWriter(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process many times")
	}
	for name := range swaps {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "last")
			if err := Write(dir, sample(0)); err != nil {
				t.Fatal(err)
			}
			step, recovered := 0, 0
			for range 40 {
				finished := killWriter(t, dir, name, step+1, time.Duration(rand.IntN(60_000))*time.Microsecond)
				if _, err := os.Stat(dir); err != nil {
					recovered++
				}
				got := readNumber(t, dir)
				if got < max(step, finished) || got > max(step, finished)+1 {
					t.Fatalf("read step %d, but the writer had finished %d", got, max(step, finished))
				}
				step = got
			}
			t.Logf("%d checkpoints, %d kills between two renames", step, recovered)
			if err := Write(dir, sample(step)); err != nil {
				t.Fatal(err)
			}
			if got := listing(t, filepath.Dir(dir)); got != "last" {
				t.Errorf("left over: %s", got)
			}
		})
	}
}

// killWriter runs a writer from step on, kills it some time after it began, and returns the last step that it said it
// finished, or 0.
func killWriter(t *testing.T, dir, swap string, step int, after time.Duration) (finished int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "CHECKPOINT_WRITER_DIR="+dir, "CHECKPOINT_WRITER_SWAP="+swap,
		"CHECKPOINT_WRITER_STEP="+strconv.Itoa(step))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if lines.Scan() { // the first checkpoint is written: the clock starts
		finished, _ = strconv.Atoi(lines.Text())
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		finished, _ = strconv.Atoi(lines.Text())
	}
	io.Copy(io.Discard, out)
	cmd.Wait()
	return finished
}
