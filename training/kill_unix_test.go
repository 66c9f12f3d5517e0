//go:build unix

package training_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"fovea/training"
	"fovea/training/config"
)

// A child process runs the config that this variable names, resuming.
const childConfig = "TRAINING_TEST_CONFIG"

func TestMain(m *testing.M) {
	if path := os.Getenv(childConfig); path != "" {
		os.Exit(child(path))
	}
	os.Exit(m.Run())
}

func child(path string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	c, err := config.Read(path, nil, nil)
	if err == nil {
		fmt.Println("ready")
		_, err = training.Run(ctx, c, training.Options{Resume: true})
	}
	switch {
	case errors.Is(err, context.Canceled):
		return 130
	case err != nil:
		fmt.Println(err)
		return 1
	}
	return 0
}

func TestKilledRunsEndTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("kills and resumes runs")
	}
	for _, adaptation := range []string{"finetune", "linear_probe"} { // the last does not save each epoch
		t.Run(adaptation, func(t *testing.T) {
			whole := small(t, fundus(t))
			whole.Schedule.Epochs = 12
			whole.Model.Adaptation = adaptation
			killed(t, whole)
		})
	}
}

// killed kills a run with SIGKILL at random moments, and interrupts it with SIGINT and SIGTERM in between, until it
// gets through.
func killed(t *testing.T, whole *config.Config) {
	start := time.Now()
	want := outcome(t, run(t, whole, training.Options{}).Folder)
	took := time.Since(start)

	c := *whole
	c.Output.Dir = t.TempDir()
	path := filepath.Join(t.TempDir(), "small.toml")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.WriteTOML(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	signals := []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGINT, syscall.SIGKILL, syscall.SIGTERM}
	for i := range 12 {
		p := exec.CommandContext(t.Context(), os.Args[0])
		p.Env = append(os.Environ(), childConfig+"="+path)
		out, err := p.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscanln(out, new(string)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.Float64() * float64(took) / 2))
		s := signals[i%len(signals)]
		p.Process.Signal(s)
		err = p.Wait()
		if err == nil {
			break // it got through before the signal
		}
		status := p.ProcessState.Sys().(syscall.WaitStatus)
		killed := s == syscall.SIGKILL && status.Signaled() && status.Signal() == s
		stopped := s != syscall.SIGKILL && status.ExitStatus() == 130
		if !killed && !stopped {
			t.Fatalf("after signal %d (%s) the run ends with %v", i, s, err)
		}
	}
	same(t, outcome(t, run(t, &c, training.Options{Resume: true}).Folder), want)
}
