// Package launch starts the processes of one run on this machine, one for each GPU, without mpirun or torchrun.
//
// The program that calls it is the first of them, and starts the others with its own file. They end with it, however it
// ends.
package launch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"fovea/onnx/cuda"
	"fovea/training/collective"
	"fovea/training/config"
)

// A Command describes the other processes of a run.
type Command struct {
	Arguments []string          // of the program; what else they need to know stands in variables
	Say       func(line string) // is told what they write
}

// Together calls f as rank 0 of the processes that runtime.devices asks for, with their group. It returns what f
// returns, after all processes have ended. For one process it starts none, and the group is nil.
func Together(ctx context.Context, r config.Runtime, c Command, f func(*collective.Group) error) (err error) {
	gpus, err := devices(r)
	if err != nil {
		return fmt.Errorf("runtime.devices: %w", err)
	}
	if len(gpus) < 2 {
		return f(collective.Local(1)[0])
	}
	if r.Threads == 0 { // they share the processors
		before := runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(max(1, before/len(gpus)))
		defer runtime.GOMAXPROCS(before)
	}
	folder, err := os.MkdirTemp("", "fovea-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	m := collective.Meeting{Size: len(gpus), Host: "127.0.0.1", File: filepath.Join(folder, "meeting")}
	meeting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	team, err := c.start(m, gpus, cancel)
	if err != nil {
		return err
	}
	defer team.end()
	group, err := m.Join(meeting)
	os.RemoveAll(folder) // nothing is left where this process is killed
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			group.Abort(err)
		}
		if closing := group.Close(); err == nil {
			err = closing
		}
	}()
	defer group.Recover()
	// This process tells itself what the others are told.
	const local = "LOCAL_RANK"
	before, there := os.LookupEnv(local)
	os.Setenv(local, strconv.Itoa(gpus[0]))
	defer func() {
		if os.Unsetenv(local); there {
			os.Setenv(local, before)
		}
	}()
	return f(group)
}

// devices returns the GPU of each process. On CPUs the numbers mean nothing.
func devices(r config.Runtime) ([]int, error) {
	number, list, err := config.ParseDevices(r.Devices)
	if err != nil || number == 1 {
		return nil, err
	}
	there := 0
	if r.Provider != "cpu" {
		found, err := cuda.Devices()
		if err != nil && (r.Provider == "cuda" || number == 0) {
			return nil, err
		}
		there = len(found)
	}
	switch {
	case list != nil:
		for _, gpu := range list {
			if gpu >= there {
				return nil, fmt.Errorf("there is no GPU %d: there are %d, from 0", gpu, there)
			}
		}
		return list, nil
	case number == 0:
		number = there
	case there > 0 && number > there:
		return nil, fmt.Errorf("%d processes need a GPU each, but there are %d", number, there)
	}
	for i := range number {
		list = append(list, i)
	}
	return list, nil
}

// A team holds the processes of the other ranks.
type team struct {
	processes []*exec.Cmd
	pipes     []interface{ Close() error } // their standard input, whose end ends them
	ended     sync.WaitGroup
}

// start starts the processes of rank 1 and above. failed is told of one that ends before it should.
func (c Command) start(m collective.Meeting, gpus []int, failed func(error)) (*team, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &team{}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the system ends them with the thread that started them
		defer runtime.UnlockOSThread()
		var err error
		for rank := 1; rank < m.Size && err == nil; rank++ {
			p := exec.Command(program, c.Arguments...)
			p.Env = append(m.Environ(os.Environ(), rank, gpus[rank]), "GOMAXPROCS="+strconv.Itoa(runtime.GOMAXPROCS(0)))
			p.SysProcAttr = attributes()
			p.WaitDelay = time.Second
			out := &lines{prefix: fmt.Sprintf("rank %d: ", rank), say: c.Say}
			p.Stdout, p.Stderr = out, out
			pipe, cannot := p.StdinPipe()
			if err = cannot; err == nil {
				err = p.Start()
			}
			if err != nil {
				err = fmt.Errorf("starting the process of rank %d: %w", rank, err)
				break
			}
			t.processes, t.pipes = append(t.processes, p), append(t.pipes, pipe)
			t.ended.Go(func() {
				err := p.Wait()
				out.flush()
				failed(fmt.Errorf("the process of rank %d ended: %v", rank, err))
			})
		}
		started <- err
		t.ended.Wait()
	}()
	if err := <-started; err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// end waits until the processes have ended. Those that do not within some seconds are killed.
func (t *team) end() {
	patience := time.AfterFunc(5*time.Second, func() {
		for _, p := range t.processes {
			p.Process.Kill()
		}
	})
	defer patience.Stop()
	for _, pipe := range t.pipes {
		pipe.Close()
	}
	t.ended.Wait()
}

// lines passes on what a process writes, line by line.
type lines struct {
	prefix string
	say    func(line string)
	rest   []byte
}

// mostLine is how much of a line is kept, in bytes.
const mostLine = 1 << 16

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found && len(l.rest) < mostLine {
			return len(p), nil
		}
		l.say(l.prefix + string(line))
		l.rest = rest
	}
}

// flush passes on a last line without an end.
func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.say(l.prefix + string(l.rest))
		l.rest = nil
	}
}
