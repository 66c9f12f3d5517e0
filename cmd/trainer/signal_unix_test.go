//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// A child process with this variable is the trainer itself.
const trainerVariable = "TRAINER_TEST_IS_TRAINER"

// As a child process, TestMain stands for a command that never stops.
const childVariable = "TRAINER_TEST_WAITS_FOR_SIGNALS"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		ctx, _ := untilSignal(context.Background())
		fmt.Println("ready")
		<-ctx.Done()
		fmt.Println("cancelled")
		select {}
	}
	if os.Getenv(trainerVariable) != "" || os.Getenv("FOVEA_CHILD") != "" { // what runtime.devices starts
		main()
	}
	os.Exit(m.Run())
}

func TestFirstSignalCancelsSecondKills(t *testing.T) {
	for _, first := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(first) { // under nohup, which a command obeys
			continue
		}
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childVariable+"=1")
		stdout, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		expect := func(want string) {
			t.Helper()
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%s: got %q, %v; want %q", first, lines.Text(), lines.Err(), want)
			}
		}
		expect("ready")
		if err := child.Process.Signal(first); err != nil {
			t.Fatal(err)
		}
		expect("cancelled")
		if err := child.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		err = child.Wait()
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
			t.Errorf("%s, then SIGTERM: %v", first, err)
		}
	}
}
