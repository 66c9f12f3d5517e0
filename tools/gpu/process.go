package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed peer.py
var peerScript []byte

// job is what a worker, ours or the peer, is asked to train: see peer.py, whose
// protocol both speak.
type job struct {
	Model       model   `json:"model"`
	Classes     int     `json:"classes"`
	Device      string  `json:"device"` // the peer's; Provider is ours
	Provider    string  `json:"provider"`
	Precision   string  `json:"precision"`
	Compile     bool    `json:"compile"`    // the peer only
	CUDAGraph   bool    `json:"cuda_graph"` // this and what follows ours only
	Recompute   bool    `json:"recompute"`
	DropPath    float64 `json:"drop_path"`
	LayerDecay  float64 `json:"layer_decay"`
	WeightDecay float64 `json:"weight_decay"`
	Weights     string  `json:"weights"` // file
	Batches     string  `json:"batches"` // file
	Count       int     `json:"count"`   // of batches
	Threads     int     `json:"threads"`
}

// request of a worker that has its job.
type request struct {
	Rates    []float64 `json:"rates,omitempty"`
	Memory   bool      `json:"memory,omitempty"`
	Profile  bool      `json:"profile,omitempty"`  // the peer only
	Versions bool      `json:"versions,omitempty"` // the peer only, before the job
}

// answer of a worker. Bytes of memory are the GPU's, by the driver since the
// start, and what the framework reserved and used at most, where it says so.
type answer struct {
	Versions  map[string]string `json:"versions"`
	Seconds   float64           `json:"seconds"`
	Losses    []float64         `json:"losses"`
	Kernels   map[string]share  `json:"kernels"` // of a step
	Driver    int64             `json:"driver"`
	Reserved  int64             `json:"reserved"`
	Allocated int64             `json:"allocated"`
	Error     string            `json:"error"`
	NoMemory  bool              `json:"memory"` // why there is an error
}

// errMemory says that a GPU has not the memory for a job.
var errMemory = errors.New("out of memory")

// process is a worker.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log *tail // of its standard error
}

func startProcess(ctx context.Context, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), log: &tail{}}
	p.cmd.Stderr = p.log
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

// startOurs starts a worker of this program.
func startOurs(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startProcess(ctx, self, workerCommand)
}

// startPeer starts PyTorch.
func (s *section) startPeer(ctx context.Context) (*process, error) {
	if s.Python == "" {
		return nil, skip("no -python")
	}
	script := filepath.Join(s.folder, "peer.py")
	if err := os.WriteFile(script, peerScript, 0o644); err != nil {
		return nil, err
	}
	return startProcess(ctx, s.Python, script)
}

// ask sends a request, or a job, and waits for the answer.
func (p *process) ask(x any) (*answer, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	line := []byte(nil)
	if _, err = p.in.Write(append(text, '\n')); err == nil {
		line, err = p.out.ReadBytes('\n')
	}
	if err != nil {
		ended := p.end()
		return nil, fmt.Errorf("the process %s ended: %w, %v\n%s", filepath.Base(p.cmd.Path), err, ended, p.log)
	}
	a := new(answer)
	if err := json.Unmarshal(line, a); err != nil {
		return nil, fmt.Errorf("the answer %q: %w", line, err)
	}
	switch {
	case a.NoMemory:
		return nil, fmt.Errorf("%w: %s", errMemory, a.Error)
	case a.Error != "":
		return nil, errors.New(a.Error + "\n" + strings.TrimSpace(p.log.String()))
	}
	return a, nil
}

// steps takes n steps at a rate.
func (p *process) steps(n int, rate float64) (*answer, error) {
	rates := make([]float64, n)
	for i := range rates {
		rates[i] = rate
	}
	return p.ask(request{Rates: rates})
}

// end ends the process. A crash at its end is an error.
func (p *process) end() error {
	p.in.Close()
	return p.cmd.Wait()
}
