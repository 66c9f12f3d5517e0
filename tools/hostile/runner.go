//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Limits of a process.
const (
	maxSeconds  = 10        // of processor time
	maxWall     = 150       // seconds
	maxAddress  = 4_000_000 // KiB, of ulimit -v
	maxResident = 1 << 20   // KiB
	maxMessage  = 60_000    // bytes on standard error
)

type command struct {
	Args       []string
	Stdin, Dir string // a file in the folder, "" for none
}

// A result says how a process ended.
type result struct {
	State    string
	Killed   bool // by a signal, by a panic or because it did not end
	Seconds  float64
	Resident int64 // KiB at most
	Stderr   string
	Err      string // it was not started
}

// A runner is a small process that starts others. Linux counts the memory of a process from before its exec, which is
// that of the process that started it.
type runner struct {
	process *exec.Cmd
	in      *json.Encoder
	out     *json.Decoder
	stop    func() error
}

func startRunner() (*runner, error) {
	c := exec.Command(os.Args[0], "-runner")
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the program that started it
	return &runner{c, json.NewEncoder(in), json.NewDecoder(out), in.Close}, c.Start()
}

func (r *runner) run(c command) (result, error) {
	var done result
	if err := r.in.Encode(c); err != nil {
		return done, err
	}
	if err := r.out.Decode(&done); err != nil {
		return done, err
	}
	if done.Err != "" {
		return done, fmt.Errorf("starting %v: %s", c.Args, done.Err)
	}
	return done, nil
}

// serve runs the commands of in, one after the other.
func serve(in io.Reader, out io.Writer) {
	commands, results := json.NewDecoder(in), json.NewEncoder(out)
	var c command
	for commands.Decode(&c) == nil {
		done, err := c.run()
		if err != nil {
			done.Err = err.Error()
		}
		results.Encode(done)
		c = command{}
	}
}

func (c *command) run() (done result, err error) {
	script := fmt.Sprintf(`ulimit -v %d; ulimit -t %d; ulimit -c 0; exec "$@"`, maxAddress, maxSeconds)
	p := exec.Command("sh", append([]string{"-c", script, "sh"}, c.Args...)...)
	var said bytes.Buffer
	p.Stderr = &said
	if c.Stdin != "" {
		f, err := os.Open(filepath.Join(c.Dir, c.Stdin))
		if err != nil {
			return done, err
		}
		defer f.Close()
		p.Stdin = f
	}
	if err := p.Start(); err != nil {
		return done, err
	}
	timer := time.AfterFunc(maxWall*time.Second, func() { p.Process.Kill() })
	p.Wait()
	timer.Stop()
	text := said.String()
	crashed := strings.Contains(text, "\ngoroutine ") || strings.Contains(text, "panic:") || strings.Contains(text, "fatal error:")
	return result{
		State:    p.ProcessState.String(),
		Killed:   crashed || p.ProcessState.Sys().(syscall.WaitStatus).Signaled(),
		Seconds:  (p.ProcessState.UserTime() + p.ProcessState.SystemTime()).Seconds(),
		Resident: p.ProcessState.SysUsage().(*syscall.Rusage).Maxrss,
		Stderr:   text[:min(len(text), 1<<22)],
	}, nil
}
