package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"fovea/training/config"
)

// A usageError is a command line that cannot be carried out.
type usageError struct {
	command string // whose manual helps; "" for the overview
	err     error
}

func (e *usageError) Error() string {
	name, help := "trainer", "trainer help"
	if e.command != "" {
		name, help = name+" "+e.command, help+" "+e.command
	}
	return fmt.Sprintf("%s: %v\nrun %q for how to use it", name, e.err, help)
}

func (e *usageError) Unwrap() error { return e.err }

// A helpRequest is the manual that a command line asks for, as an error because
// it ends the command.
type helpRequest struct{ manual string }

func (helpRequest) Error() string { return "help requested" }

// texts is a flag that may be repeated.
type texts []string

func (t *texts) String() string     { return strings.Join(*t, " ") }
func (t *texts) Set(s string) error { *t = append(*t, s); return nil }

// newFlags returns a command's set of flags with those that all commands have.
func (a *app) newFlags(command string) *flag.FlagSet {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // errors are reported once, by run
	fs.BoolFunc("v", "log more", func(string) error {
		a.logLevel.Set(slog.LevelDebug)
		return nil
	})
	return fs
}

// parse reads args, in which nothing but flags may stand.
func parse(fs *flag.FlagSet, args []string) error {
	operands, err := parseOperands(fs, args)
	if err != nil || len(operands) == 0 {
		return err
	}
	err = fmt.Errorf("unexpected argument %q", operands[0])
	if strings.HasSuffix(operands[0], ".toml") && fs.Lookup("config") != nil {
		err = fmt.Errorf("%w: each config file needs its own -config", err)
	}
	return &usageError{fs.Name(), err}
}

// parseOperands reads args and returns those that are not flags, which may stand
// before, between and after flags.
func parseOperands(fs *flag.FlagSet, args []string) (operands []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, flagError(fs, err)
		}
		if fs.NArg() == 0 {
			return operands, nil
		}
		if at := len(args) - fs.NArg(); at > 0 && args[at-1] == "--" {
			return append(operands, fs.Args()...), nil
		}
		operands = append(operands, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

// flagError is what a person should read of an error of package flag.
func flagError(fs *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return helpRequest{manualOf(fs.Name())}
	}
	const undefined = "flag provided but not defined: -" // package flag has no type for it
	if name, ok := strings.CutPrefix(err.Error(), undefined); ok {
		err = fmt.Errorf("unknown flag -%s", name)
		if n := config.Nearest(name, flagNames(fs)); n != "" {
			err = fmt.Errorf("%w, did you mean -%s?", err, n)
		}
	}
	return &usageError{fs.Name(), err}
}

func flagNames(fs *flag.FlagSet) []string {
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// required refuses flags that were left empty.
func required(fs *flag.FlagSet, names ...string) error {
	var missing []string
	for _, name := range names {
		if fs.Lookup(name).Value.String() == "" {
			missing = append(missing, "-"+name)
		}
	}
	if len(missing) > 0 {
		return &usageError{fs.Name(), fmt.Errorf("missing %s", strings.Join(missing, ", "))}
	}
	return nil
}

// refused refuses flags that were given although they do not go with others.
func refused(fs *flag.FlagSet, why string, names ...string) error {
	var given []string
	fs.Visit(func(f *flag.Flag) {
		if slices.Contains(names, f.Name) {
			given = append(given, "-"+f.Name)
		}
	})
	if len(given) > 0 {
		return &usageError{fs.Name(), fmt.Errorf("%s %s", why, strings.Join(given, ", "))}
	}
	return nil
}
