package main

import (
	"fmt"
	"go/doc/comment"
	"strings"

	"fovea/configs"
)

// A chapter lists commands for one purpose.
type chapter struct {
	title    string
	commands []*command
}

// newChapters returns all commands in the order in which help shows them.
func newChapters(a *app) []chapter {
	return []chapter{
		{"train", []*command{trainCommand(a), initCommand(a), compareCommand(a), boardCommand(a), reportCommand(a)}},
		{"use a model", []*command{evalCommand(a), predictCommand(a), serveCommand(a), explainCommand(a),
			featuresCommand(a), mergeCommand(a), exportCommand(a)}},
		{"data", []*command{prepareCommand(a)}},
		{"models and graphs", []*command{inspectCommand(a), artifactsCommand(a), differentiateCommand(a),
			gradcheckCommand(a)}},
		{"this machine", []*command{doctorCommand(a), runtimeCommand(a), completionCommand(a), versionCommand(a)}},
	}
}

// newCommands returns all commands, ready to parse their flags.
func newCommands(a *app) []*command {
	a.escapes = true
	var all []*command
	for _, chapter := range newChapters(a) {
		all = append(all, chapter.commands...)
	}
	for _, c := range all {
		if c.writesCSV {
			c.flags = append(c.flags, flagEntry{&a.escapes, "csv-escape", "", `write texts of CSV files as they are, also those
				that a spreadsheet runs as formulas: with =, +, -, @, tab or a line end first. By default an apostrophe
				stands before these, which every command takes off again`})
		}
		c.flags = append(c.flags, flagEntry{&a.verbose, "v", "", "log more, such as each step of training"},
			flagEntry{&a.internals, "vv", "", "log also what ONNX Runtime says of its work"},
			flagEntry{&a.quiet, "q", "", "log warnings and errors alone, and show no progress"})
		c.define()
	}
	return all
}

// A helpRequest carries the manual that a command line asks for. It is an error because it ends the command.
type helpRequest struct{ manual string }

func (helpRequest) Error() string { return "help requested" }

func (a *app) help(topics []string) error {
	switch {
	case len(topics) > 1:
		return badUsage("help takes one command")
	case len(topics) == 0 || topics[0] == "help":
		return helpRequest{overview()}
	case topics[0] == "config":
		return helpRequest{configs.Reference}
	}
	c, err := a.find(topics[0])
	if err != nil {
		return err
	}
	return helpRequest{c.manual()}
}

// overview returns the text of "trainer help".
func overview() string {
	var b strings.Builder
	b.WriteString(`Fovea trains retinal image classifiers with nothing but ONNX Runtime.

  trainer -config FILE [flags]       fine-tune a model as FILE says
  trainer COMMAND [flags]
`)
	for _, chapter := range newChapters(new(app)) {
		fmt.Fprintf(&b, "\n%s:\n", chapter.title)
		for _, c := range chapter.commands {
			fmt.Fprintf(&b, "  %-13s %s\n", c.name, c.summary)
		}
	}
	b.WriteString(`
help:
  help COMMAND  show the manual of a command, as in trainer help eval
  help config   list all config keys

Every command takes -q (warnings alone), -v (log more) and -vv (with the words
of ONNX Runtime). -name and --name are the same flag. NO_COLOR=1: no colours.

exit codes: 0 done; 1 failed; 2 bad usage or config; 130 interrupted
(a checkpoint was written if training had begun).
`)
	return b.String()
}

// manual returns the text of "trainer help COMMAND", in lines of at most 80 columns.
func (c *command) manual() string {
	var b strings.Builder
	for _, form := range c.synopsis {
		fmt.Fprintln(&b, form)
	}
	b.WriteString("\n" + wrap(c.text, "") + "\nflags:\n")
	for _, e := range c.flags {
		b.WriteString(c.describe(e))
	}
	for _, g := range c.groups {
		b.WriteString("\n" + wrap(g.text, ""))
		for _, e := range g.flags {
			b.WriteString(c.describe(e))
		}
	}
	if c.notes != "" {
		b.WriteString("\n" + wrap(c.notes, ""))
	}
	if c.examples != "" {
		b.WriteString("\nexamples:\n  " + strings.ReplaceAll(strings.TrimSpace(c.examples), "\n", "\n  ") + "\n")
	}
	return b.String()
}

// describe returns a flag's entry in the manual: its name on the left, its text and default on the right.
func (c *command) describe(e flagEntry) string {
	label := strings.TrimRight("  -"+e.name+" "+e.argument, " ")
	text := strings.Join(strings.Fields(e.text), " ")
	switch value := c.flagSet.Lookup(e.name).DefValue; value {
	case "", "0", "false":
	case "true":
		label += "=false" // the only use of a switch that is on
	default:
		text += " (default " + value + ")"
	}
	indent := strings.Repeat(" ", 19)
	text = wrap(text, indent)
	if len(label) < len(indent) {
		return label + text[len(label):]
	}
	return label + "\n" + text
}

// wrap breaks paragraphs into lines of at most 80 columns, each behind indent. Indented lines keep their shape.
func wrap(text, indent string) string {
	var p comment.Parser
	printer := comment.Printer{TextPrefix: indent, TextCodePrefix: indent + "  "}
	return string(printer.Text(p.Parse(text)))
}
