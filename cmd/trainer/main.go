package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"fovea/training/config"
)

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := untilSignal(context.Background())
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// untilSignal returns a context that the first SIGINT or SIGTERM cancels. A
// second one finds no handler and ends the process at once.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			signal.Reset(os.Interrupt, syscall.SIGTERM)
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, environ: environ, console: newConsole(stderr), logLevel: new(slog.LevelVar)}
	slog.SetDefault(slog.New(newLogHandler(a.console, a.logLevel)))
	stopNote := context.AfterFunc(ctx, func() {
		a.console.line("stopping; a second signal stops at once")
	})
	err := a.dispatch(ctx, args)
	stopNote()
	a.console.close()
	return a.exitCode(ctx, err)
}

// An app is what the commands share.
type app struct {
	stdout   io.Writer
	environ  []string
	console  *console // standard error
	logLevel *slog.LevelVar
}

// A command is one of the trainer's verbs.
type command struct {
	name    string
	summary string
	manual  string
	run     func(*app, context.Context, []string) error
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return &usageError{err: errors.New("no command and no -config")}
	}
	switch name := args[0]; name {
	case "help", "-h", "-help", "--help":
		return a.help(args[1:])
	default:
		if strings.HasPrefix(name, "-") {
			return runTrain(a, ctx, args)
		}
		c, err := findCommand(name)
		if err != nil {
			return err
		}
		return c.run(a, ctx, args[1:])
	}
}

func findCommand(name string) (command, error) {
	names := []string{"help"}
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	err := fmt.Errorf("unknown command %q", name)
	if n := config.Nearest(name, names); n != "" {
		err = fmt.Errorf("%w, did you mean %s?", err, n)
	} else if strings.HasSuffix(name, ".toml") {
		err = fmt.Errorf("%w, did you mean -config %s?", err, name)
	}
	return command{}, &usageError{err: err}
}

// exitCode reports err, if any, and returns the code that tells its kind.
func (a *app) exitCode(ctx context.Context, err error) int {
	var usage *usageError
	var help helpRequest
	var bad *config.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &help):
		fmt.Fprint(a.stdout, help.manual)
		return exitDone
	case errors.As(err, &usage):
		a.console.line(usage.Error())
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		a.console.line("interrupted: " + err.Error())
		return exitInterrupted
	case errors.As(err, &bad):
		a.console.line("config:\n  " + strings.ReplaceAll(err.Error(), "\n", "\n  "))
		a.console.line(`"trainer help config" lists all keys`)
		return exitUsage
	}
	a.console.line("error: " + err.Error())
	return exitFailed
}
