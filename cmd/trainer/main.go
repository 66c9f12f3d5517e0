package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"fovea/internal/naming"
	"fovea/training/collective"
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
	collective.Exit(code)
}

// untilSignal returns a context that the first SIGINT, SIGTERM or SIGHUP cancels. A second one finds no handler and
// ends the process at once. Under nohup, which ignores SIGHUP, it stays ignored.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	handled := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		handled = append(handled, syscall.SIGHUP)
	}
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, handled...)
	go func() {
		select {
		case <-signals:
			signal.Reset(handled...) // before the context ends: a second signal must not be lost
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	a := &app{args: args, environ: environ, console: newConsole(stderr), logLevel: new(slog.LevelVar)}
	a.stdout = aboveBar{a.console, stdout}
	a.text = &naming.VisibleWriter{Out: a.stdout}
	if isTerminal(stdout) {
		a.stdout, a.csv = a.text, &naming.VisibleWriter{Out: a.stdout, CSV: true}
	} else {
		a.csv = a.stdout
	}
	slog.SetDefault(slog.New(newLogHandler(a.console, a.logLevel)))
	stopNote := context.AfterFunc(ctx, func() {
		a.console.line("stopping; a second signal stops at once")
	})
	err := a.dispatch(ctx)
	stopNote()
	a.console.close()
	code := a.exitCode(err)
	if a.group != nil { // a launcher ends the others as soon as one has left with an error: all must have told theirs
		if err := a.group.Close(); err != nil && code == exitDone {
			code = a.exitCode(err)
		}
	}
	return code
}

// An app holds what the commands share.
type app struct {
	args     []string // the command line without the program's name
	environ  []string
	stdout   io.Writer // for programs to read: as it is, but visible on a terminal
	csv      io.Writer // likewise, for CSV
	text     io.Writer // standard output for people to read: always visible
	console  *console  // standard error
	logLevel *slog.LevelVar
	escapes  bool // -csv-escape

	verbose, internals, quiet bool // -v, -vv, -q

	group *collective.Group // of the processes that train together; nil: none was opened
}

func (a *app) dispatch(ctx context.Context) error {
	if len(a.args) > 0 && slices.Contains([]string{"help", "-h", "-help", "--help"}, a.args[0]) {
		return a.help(a.args[1:])
	}
	if len(a.args) > 0 && slices.Contains([]string{"-version", "--version"}, a.args[0]) {
		a.args[0] = "version"
	}
	c, args, err := a.command()
	if err != nil {
		return err
	}
	return a.execute(ctx, c, args)
}

// command returns the command that the command line calls, and its arguments.
func (a *app) command() (c *command, args []string, err error) {
	switch {
	case len(a.args) == 0:
		return nil, nil, badUsage("no command and no -config")
	case strings.HasPrefix(a.args[0], "-"):
		c, err = a.find("train")
		return c, a.args, err
	}
	c, err = a.find(a.args[0])
	return c, a.args[1:], err
}

func (a *app) find(name string) (*command, error) {
	known := []string{"help"}
	for _, c := range newCommands(a) {
		if c.name == name {
			return c, nil
		}
		known = append(known, c.name)
	}
	if strings.HasSuffix(name, ".toml") {
		return nil, badUsage("unknown command %q, did you mean -config %s?", name, name)
	}
	return nil, badUsage("%w", suggest(fmt.Errorf("unknown command %q", name), name, known))
}

// exitCode writes err, if any, to standard error and returns the code for its kind.
func (a *app) exitCode(err error) int {
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
		a.console.fail("", usage)
		return exitUsage
	case errors.Is(err, context.Canceled): // maybe by a signal to another process
		a.console.fail("interrupted: ", err)
		return exitInterrupted
	case errors.As(err, &bad):
		a.console.line("config:\n  " + strings.ReplaceAll(naming.Shorten(naming.ErrorText(err)), "\n", "\n  "))
		a.console.line(`"trainer help config" lists all keys`)
		return exitUsage
	}
	a.console.fail("error: ", err)
	return exitFailed
}
