package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sharedConfig is a smallConfig whose steps 2 processes can share.
func sharedConfig(t *testing.T, data, runs string, epochs int) string {
	text := string(read(t, smallConfig(t, data, runs, epochs)))
	text = strings.Replace(text, "batch = 5\n", "batch = 5\naccumulate = 4\nema = 0.9\n", 1)
	text = strings.Replace(text, "heads = 2\n", "heads = 2\ndrop_path = 0.2\n", 1)
	return writeConfig(t, strings.Replace(text, "[runtime]\n", "[runtime]\nthreads = 1\n", 1))
}

// awaitEnd waits until no process of a list runs. A zombie has ended.
func awaitEnd(t *testing.T, processes []int) {
	t.Helper()
	for start := time.Now(); len(processes) > 0; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", processes[0]))
		if _, state, _ := bytes.Cut(stat, []byte(") ")); err != nil || state[0] == 'Z' || state[0] == 'X' {
			processes = processes[1:]
		} else if time.Since(start) > time.Minute {
			t.Fatalf("process %d still runs", processes[0])
		}
	}
}

// children returns the processes that a process has started.
func children(t *testing.T, pid int) (list []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || lists == nil {
		t.Fatalf("process %d has ended: %v", pid, err)
	}
	for _, file := range lists {
		for _, field := range strings.Fields(string(read(t, file))) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, child)
		}
	}
	return list
}

// TestDevices: a run that starts its processes itself is killed with its children, then loses one of them, then is
// interrupted. All processes end each time. Resumed, after a config that fails, it ends with the bits of one process,
// without a word of the others.
func TestDevices(t *testing.T) {
	if testing.Short() {
		t.Skip("kills and resumes runs")
	}
	data, runs, twin := fundus(t), t.TempDir(), t.TempDir()
	config := sharedConfig(t, data, runs, 20)
	done(t, "-config", config)
	args := []string{"-config", config, "-set", "output.dir=" + twin, "-set", "runtime.devices=2", "-resume"}
	for _, c := range []struct {
		signal  syscall.Signal
		toChild bool
		code    int
		want    string
	}{
		{syscall.SIGKILL, false, -1, ""},
		{syscall.SIGKILL, true, exitFailed, "error: rank 1 of 2 is gone"},
		{syscall.SIGINT, false, exitInterrupted, "\ninterrupted: "},
	} {
		seen := make(chan string, 100)
		p := program(os.Args[0]).start(t, seen, []string{trainerVariable + "=1"}, args...)
		await(t, seen, regexp.MustCompile(`epoch=\d+/`))
		list := children(t, p.Process.Pid)
		if len(list) != 1 {
			t.Fatalf("the run has the children %v", list)
		}
		to := p.Process.Pid
		if c.toChild {
			to = list[0]
		}
		if err := syscall.Kill(to, c.signal); err != nil {
			t.Fatal(err)
		}
		if code := p.exit(t); code != c.code || !strings.Contains(p.stderr.String(), c.want) {
			t.Fatalf("after %v the exit code is %d, want %d with %q:\n%s", c.signal, code, c.code, c.want, &p.stderr)
		}
		awaitEnd(t, list)
	}

	text := strings.NewReplacer(strconv.Quote(data), `"nowhere"`, `"small"`, `"missing"`).Replace(string(read(t, config)))
	code, stdout, stderr := trainer(t, append([]string{"-config", writeConfig(t, text)}, args...)...)
	if code != exitFailed || !strings.Contains(stderr, "1 of 2 runs failed:\nmissing: no folder nowhere") ||
		strings.Contains(stderr, "rank ") || !strings.Contains(stdout, "small: best epoch") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	for _, file := range []string{"metrics_test.csv", "predictions_test.csv", "log.txt",
		"checkpoints/last/model.safetensors", "checkpoints/last/optimizer.safetensors",
		"checkpoints/best/model.safetensors"} {
		if !bytes.Equal(read(t, twin, "small", file), read(t, runs, "small", file)) {
			t.Errorf("%s is not that of one process", file)
		}
	}
}
