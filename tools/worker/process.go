package worker

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed peer.py
var peerScript string

// Command is the argument with which a program that starts workers of itself must call [Serve].
const Command = "worker"

// ErrMemory is the error of a process that has too little memory for its job.
var ErrMemory = errors.New("out of memory")

// A Process answers requests.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log bytes.Buffer // of its standard error
}

// A Starter starts a process.
type Starter func(context.Context) (*Process, error)

// Start starts a program that speaks the protocol.
func Start(ctx context.Context, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Stderr = &p.log
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	p.cmd.WaitDelay = 10 * time.Second
	return p, p.cmd.Start()
}

// StartFovea starts the program that calls it, as a worker.
func StartFovea(ctx context.Context) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return Start(ctx, self, Command)
}

// Peer returns the starter of PyTorch, by an interpreter that has torch and timm.
func Peer(python string) Starter {
	return func(ctx context.Context) (*Process, error) { return Start(ctx, python, "-c", peerScript) }
}

// Ask sends a request and reads the answer. It returns ErrMemory if there is too little memory.
func (p *Process) Ask(request, answer any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	line := []byte(nil)
	if _, err = p.in.Write(append(text, '\n')); err == nil {
		line, err = p.out.ReadBytes('\n')
	}
	if err != nil {
		ended := p.End()
		return fmt.Errorf("the process %s ended: %w, %v\n%s", filepath.Base(p.cmd.Path), err, ended, Tail(p.log.String()))
	}
	var failed failure
	if err := errors.Join(json.Unmarshal(line, &failed), json.Unmarshal(line, answer)); err != nil {
		return fmt.Errorf("the answer %q: %w", line, err)
	}
	switch {
	case failed.Memory:
		return fmt.Errorf("%w: %s", ErrMemory, failed.Error)
	case failed.Error != "":
		return errors.New(failed.Error)
	}
	return nil
}

// A failure is the answer to a request that could not be met.
type failure struct {
	Error  string `json:"error"`
	Memory bool   `json:"memory"` // was too small
}

// Send sends a job or a request and returns the answer.
func (p *Process) Send(request any) (*Answer, error) {
	a := new(Answer)
	return a, p.Ask(request, a)
}

// End ends the process. It returns an error if the process crashes at its end.
func (p *Process) End() error {
	p.in.Close()
	return p.cmd.Wait()
}

// Measure gives a job to a process of its own and returns the answers to the requests.
func Measure(ctx context.Context, start Starter, j Job, requests ...Request) (answers []*Answer, err error) {
	p, err := start(ctx)
	if err != nil {
		return nil, err
	}
	_, err = p.Send(j)
	for _, r := range requests {
		if err != nil {
			break
		}
		var a *Answer
		a, err = p.Send(r)
		answers = append(answers, a)
	}
	if ended := p.End(); err == nil {
		err = ended
	}
	return answers, err
}

// Tail returns the end of a log.
func Tail(log string) string { return log[max(0, len(log)-6000):] }
