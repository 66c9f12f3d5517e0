package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// process is a worker, ours or the peer, that takes a step on request.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// start starts a worker and waits until it is warm.
func start(ctx context.Context, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if line, err := p.line(); err != nil || line != "ready" {
		return nil, fmt.Errorf("%s %s did not get ready: %q, %v", name, strings.Join(args, " "), line, err)
	}
	return p, nil
}

func startOurs(ctx context.Context, s setup) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, self, "worker", "-arch", s.arch, "-model", s.model, "-size", strconv.Itoa(s.size), "-batch", strconv.Itoa(s.batch),
		"-threads", strconv.Itoa(s.threads), "-profile", s.profile, "-recompute", s.recompute,
		fmt.Sprintf("-shuffle=%t", s.shuffle), fmt.Sprintf("-memory-pattern=%t", s.memoryPattern))
}

func startPeer(ctx context.Context, s setup) (*process, error) {
	return start(ctx, s.python, "tools/bench/peer.py", "--arch", s.arch, "--size", strconv.Itoa(s.size),
		"--batch", strconv.Itoa(s.batch), "--threads", strconv.Itoa(s.threads), "--adamw", s.adamw)
}

func (p *process) line() (string, error) {
	if !p.out.Scan() {
		return "", fmt.Errorf("the process ended: %w", io.ErrUnexpectedEOF)
	}
	return p.out.Text(), nil
}

// ask sends a request and reads the answer into to.
func (p *process) ask(request string, to any) error {
	if _, err := fmt.Fprintln(p.in, request); err != nil {
		return err
	}
	line, err := p.line()
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(line), to)
}

func (p *process) step() (r report, err error) { return r, p.ask("step", &r) }

func (p *process) quit() (f farewell, err error) {
	if err := p.ask("quit", &f); err != nil {
		return f, err
	}
	p.in.Close()
	return f, p.cmd.Wait()
}
