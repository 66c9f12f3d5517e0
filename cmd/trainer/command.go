package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"fovea/internal/table"
	"fovea/onnx/engine"
	"fovea/training/config"
)

// A command defines one of the trainer's verbs. Its flags and its manual both come from this definition.
type command struct {
	name      string
	summary   string      // the command's line in the overview
	synopsis  []string    // the forms of its command line
	text      string      // what the command does; indented lines keep their shape
	flags     []flagEntry // newCommands adds -v, -vv and -q
	groups    []flagGroup // more flags
	notes     string      // what the manual says after the flags, written as text is
	examples  string
	required  []string // flags that must not be empty
	operands  bool     // whether arguments may stand beside flags
	writesCSV bool     // whether it has the flag -csv-escape
	run       func(ctx context.Context, operands []string) error

	flagSet *flag.FlagSet // made by define
}

// A flagEntry defines a flag and its entry in the manual.
type flagEntry struct {
	value    any    // where the value goes, see define; what it holds is the default
	name     string // without the dash
	argument string // what the manual calls the value; "" for a switch
	text     string
}

// A flagGroup defines flags that stand together in the manual, below a text of their own.
type flagGroup struct {
	text  string
	flags []flagEntry
}

// define makes the flag set. It panics on a flagEntry whose value has another type than those listed here.
func (c *command) define() {
	c.flagSet = flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.flagSet.SetOutput(io.Discard) // exitCode reports errors
	for _, e := range c.allFlags() {
		switch v := e.value.(type) {
		case *bool:
			c.flagSet.BoolVar(v, e.name, *v, e.text)
		case *string:
			c.flagSet.StringVar(v, e.name, *v, e.text)
			if e.argument == "FILE" || e.argument == "DIR" {
				f := c.flagSet.Lookup(e.name)
				f.Value = &onePath{Value: f.Value}
			}
		case *int:
			c.flagSet.IntVar(v, e.name, *v, e.text)
		case *int64:
			c.flagSet.Int64Var(v, e.name, *v, e.text)
		case *uint64:
			c.flagSet.Uint64Var(v, e.name, *v, e.text)
		case *float64:
			c.flagSet.Float64Var(v, e.name, *v, e.text)
		default:
			c.flagSet.Var(v.(flag.Value), e.name, e.text)
		}
	}
}

// allFlags returns the flags of c and of its groups in the order of the manual.
func (c *command) allFlags() []flagEntry {
	all := c.flags[:len(c.flags):len(c.flags)]
	for _, g := range c.groups {
		all = append(all, g.flags...)
	}
	return all
}

// execute parses and checks args and runs c.
func (a *app) execute(ctx context.Context, c *command, args []string) error {
	operands, err := c.parse(args)
	switch {
	case a.internals:
		a.logLevel.Set(engine.LevelInternals)
	case a.verbose:
		a.logLevel.Set(slog.LevelDebug)
	case a.quiet:
		a.logLevel.Set(slog.LevelWarn)
		a.console.hideProgress()
	}
	table.WritePlain(!a.escapes)
	if err == nil {
		err = c.require(c.required...)
	}
	if err == nil {
		err = c.run(ctx, operands)
	}
	var usage *usageError
	if errors.As(err, &usage) {
		usage.command = c.name
	}
	return err
}

// parse sets the flags and returns the arguments that are not flags. These may stand before, between and after flags.
func (c *command) parse(args []string) (operands []string, err error) {
	for {
		if err := c.flagSet.Parse(args); err != nil {
			return nil, c.flagError(err)
		}
		rest := c.flagSet.Args()
		at := len(args) - len(rest)
		if len(rest) == 0 || at > 0 && args[at-1] == "--" {
			operands = append(operands, rest...)
			break
		}
		operands = append(operands, rest[0])
		args = rest[1:]
	}
	if c.operands || len(operands) == 0 {
		return operands, nil
	}
	err = fmt.Errorf("unexpected argument %q", operands[0])
	if strings.HasSuffix(operands[0], ".toml") && c.flagSet.Lookup("config") != nil {
		err = fmt.Errorf("%w: each config file needs its own -config", err)
	}
	return nil, badUsage("%w", err)
}

// flagError turns an error of package flag into one for the person at the terminal.
func (c *command) flagError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return helpRequest{c.manual()}
	}
	const undefined = "flag provided but not defined: -" // package flag has no type for it
	if name, ok := strings.CutPrefix(err.Error(), undefined); ok {
		var known []string
		for _, e := range c.allFlags() {
			known = append(known, "-"+e.name)
		}
		return badUsage("%w", suggest(fmt.Errorf("unknown flag -%s", name), "-"+name, known))
	}
	return badUsage("%w", err)
}

// require reports the flags that are empty.
func (c *command) require(names ...string) error {
	var missing []string
	for _, name := range names {
		if c.flagSet.Lookup(name).Value.String() == "" {
			missing = append(missing, "-"+name)
		}
	}
	if len(missing) > 0 {
		return badUsage("missing %s", strings.Join(missing, ", "))
	}
	return nil
}

// refuse reports those of the named flags that were given.
func (c *command) refuse(why string, names ...string) error {
	var given []string
	c.flagSet.Visit(func(f *flag.Flag) {
		if slices.Contains(names, f.Name) {
			given = append(given, "-"+f.Name)
		}
	})
	if len(given) > 0 {
		return badUsage("%s %s", why, strings.Join(given, ", "))
	}
	return nil
}

// A onePath holds a flag that names one file or folder. A second one is an error: the first would be forgotten.
type onePath struct {
	flag.Value
	given bool
}

func (p *onePath) String() string {
	if p.Value == nil { // package flag asks the zero value
		return ""
	}
	return p.Value.String()
}

func (p *onePath) Set(s string) error {
	if first := p.String(); p.given && s != first {
		return fmt.Errorf("it is given twice, as %q and as %q, and takes one: start the command once for each", first, s)
	}
	p.given = true
	return p.Value.Set(s)
}

// A texts value holds a flag that may be repeated.
type texts []string

func (t *texts) String() string     { return strings.Join(*t, " ") }
func (t *texts) Set(s string) error { *t = append(*t, s); return nil }

// A usageError reports a command line that cannot be carried out.
type usageError struct {
	command string // the command whose manual helps; "" for the overview
	err     error
}

// badUsage returns a usageError, to which execute adds the command.
func badUsage(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

func (e *usageError) Error() string {
	name, help := "trainer", "trainer help"
	if e.command != "" {
		name, help = name+" "+e.command, help+" "+e.command
	}
	return fmt.Sprintf("%s: %v\nrun %q for how to use it", name, e.err, help)
}

func (e *usageError) Unwrap() error { return e.err }

// suggest adds to err, which is about name, the nearest of the known names if one is near.
func suggest(err error, name string, known []string) error {
	if n := config.Nearest(name, known); n != "" {
		return fmt.Errorf("%w, did you mean %s?", err, n)
	}
	return err
}
