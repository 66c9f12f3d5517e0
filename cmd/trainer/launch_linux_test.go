package main

import (
	"bytes"
	"fmt"
	"net"
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

// sameRuns compares what must not depend on the number of processes.
func sameRuns(t *testing.T, got, want string) {
	t.Helper()
	for _, file := range []string{"metrics_test.csv", "predictions_test.csv", "log.txt",
		"checkpoints/last/model.safetensors", "checkpoints/last/optimizer.safetensors",
		"checkpoints/best/model.safetensors"} {
		if !bytes.Equal(read(t, got, file), read(t, want, file)) {
			t.Errorf("%s is not that of one process", file)
		}
	}
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

// TestDevices: a run that starts its processes itself ends with the bits of one process, without a word of the others.
// A run that fails does not stop the next.
func TestDevices(t *testing.T) {
	if testing.Short() {
		t.Skip("trains several models")
	}
	data, runs := fundus(t), t.TempDir()
	config := sharedConfig(t, data, runs, 20)
	done(t, "-config", config)
	missing := writeConfig(t, strings.Replace(string(read(t, config)), strconv.Quote(data), `"nowhere"`, 1))
	missing2 := filepath.Join(filepath.Dir(missing), "b.toml")
	if err := os.WriteFile(missing2, bytes.Replace(read(t, missing), []byte(`"small"`), []byte(`"missing"`), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	twin := t.TempDir()
	code, stdout, stderr := trainer(t, "-config", missing2, "-config", config, "-set", "runtime.devices=2",
		"-set", "output.dir="+twin)
	if code != exitFailed || !strings.Contains(stderr, "1 of 2 runs failed:\nmissing: no folder nowhere") ||
		strings.Contains(stderr, "rank ") || !strings.Contains(stdout, "small: best epoch") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	sameRuns(t, filepath.Join(twin, "small"), filepath.Join(runs, "small"))

	for value, want := range map[string]string{
		"none": `runtime.devices: is "none": must be "all", a number from 1 to 1024, or GPUs as in "0,2"`,
		"0,0":  "must name each GPU once",
		"all":  `runtime.devices: is "all" beside runtime.provider = "cpu"`,
	} {
		code, _, stderr := trainer(t, "-config", config, "-set", "runtime.devices="+value)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %q:\n%s", value, code, want, stderr)
		}
	}
	t.Run("killed", func(t *testing.T) { killDevices(t, config, filepath.Join(runs, "small")) })
}

// killDevices kills a run of several processes with its children, then kills one of them, then interrupts the run. All
// processes end each time. Two processes that meet by torchrun's variables end the run as one has ended it.
func killDevices(t *testing.T, config, whole string) {
	twin := t.TempDir()
	args := []string{"-config", config, "-set", "output.dir=" + twin, "-resume"}
	variables := []string{trainerVariable + "=1"}
	self := program(os.Args[0])

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
		p := self.start(t, seen, variables, append(args, "-set", "runtime.devices=2")...)
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

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	var ranks []*process
	for rank := range 2 {
		ranks = append(ranks, self.start(t, nil, append(variables, "RANK="+strconv.Itoa(rank), "WORLD_SIZE=2",
			"MASTER_ADDR=localhost", "MASTER_PORT="+strconv.Itoa(port), "FOVEA_SECRET=of the test"), args...))
	}
	for rank, p := range ranks {
		if code := p.exit(t); code != exitDone {
			t.Fatalf("rank %d: exit code %d:\n%s", rank, code, &p.stderr)
		}
	}
	sameRuns(t, filepath.Join(twin, "small"), whole)
}
