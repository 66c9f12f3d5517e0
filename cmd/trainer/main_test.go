package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"unicode/utf8"

	"fovea/training/config"
)

// trainer runs a command line in this process.
func trainer(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, nil, &out, &err)
	return code, out.String(), err.String()
}

// writeConfig puts a config into a file of its own and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadUsage(t *testing.T) {
	good := writeConfig(t, "[data]\ndir = \"images\"\n")
	tests := []struct {
		args []string
		want string // in standard error
	}{
		{nil, "no command and no -config"},
		{[]string{"evl"}, `unknown command "evl", did you mean eval?`},
		{[]string{"a.toml"}, `unknown command "a.toml", did you mean -config a.toml?`},
		{[]string{"help", "artifact"}, "did you mean artifacts?"},
		{[]string{"help", "eval", "train"}, "help takes one command"},
		{[]string{"-confg", good}, "trainer train: unknown flag -confg, did you mean -config?"},
		{[]string{"--confg=" + good}, "unknown flag -confg, did you mean -config?"},
		{[]string{"-config"}, "flag needs an argument: -config"},
		{[]string{"-resume"}, "missing -config"},
		{[]string{"-config", good, "b.toml"}, `unexpected argument "b.toml": each config file needs its own -config`},
		{[]string{"-config", good, "-resume=maybe"}, `invalid boolean value "maybe" for -resume`},
		{[]string{"eval", "-modle", "m"}, "unknown flag -modle, did you mean -model?\nrun \"trainer help eval\""},
		{[]string{"eval", "-split", "val"}, "missing -model, -data"},
		{[]string{"eval", "-model", "m", "-data", "d", "-batch", "0"}, "-batch 0: must be at least 1"},
		{[]string{"eval", "-model", "m", "-data", "d", "-batch", "x"}, `invalid value "x" for flag -batch`},
		{[]string{"eval", "-model", "m", "-data", "d", "-set", "seed=1"}, "only keys of [runtime]"},
		{[]string{"predict", "x"}, "missing -model"},
		{[]string{"serve"}, "missing -model"},
		{[]string{"serve", "-model", "m", "-queue", "0"},
			"-max-connections, -queue, -max-bytes and -max-pixels must be at least 1"},
		{[]string{"artifacts", "-config", good}, "missing -out"},
		{[]string{"differentiate", "-model", "m"}, "missing -out"},
		{[]string{"differentiate", "-model", "m", "-out", "g", "-batch", "0"}, "-batch 0: must be at least 1"},
		{[]string{"inspect"}, "expected one model or weight file, found []"},
		{[]string{"inspect", "m", "-depth", "-1"}, "-depth -1: must be at least 0"},
		{[]string{"inspect", "m", "-batch", "0"}, "-batch 0: must be at least 1"},
		{[]string{"inspect", "m", "-set", "seed=1"}, "only keys of [runtime]"},
		{[]string{"gradcheck", "-model", "m", "-dim", "height"}, `"height" is not NAME=N`},
		{[]string{"runtime"}, "missing what to do: trainer runtime install"},
		{[]string{"runtime", "instal"}, `unknown command "instal", did you mean install?`},
		{[]string{"runtime", "install", "-form", "x"}, "unknown flag -form, did you mean -from?"},
		{[]string{"runtime", "install", "-cuda", "12"}, "-cuda and -cudnn go with -gpu"},
		{[]string{"runtime", "install", "-gpu", "-from", "x"}, "-from is for the CPU's library"},
		{[]string{"runtime", "install", "-gpu", "-cuda", "new"}, `invalid value "new" for flag -cuda`},
		{[]string{"prepare", "octid", "in"}, `expected NAME SOURCE DEST, or -labels, -images and -out; found ["octid" "in"]`},
		{[]string{"prepare", "octid", "-n", "in", "out", "more"}, `found ["octid" "in" "out" "more"]`},
		{[]string{"prepare", "ocid", "in", "out"}, `unknown data set "ocid", did you mean octid?`},
		{[]string{"prepare", "imagenet", "in", "out"}, `unknown data set "imagenet"; the sets are ["octid" "retina"`},
		{[]string{"prepare", "retina", "in", "out", "-side", "9"}, "-side needs -crop"},
		{[]string{"prepare", "retina", "in", "out", "-crp"}, "unknown flag -crp, did you mean -crop?"},
		{[]string{"doctor", "now"}, `unexpected argument "now"`},
		{[]string{"version", "-all"}, "unknown flag -all"},
		{[]string{"-config", good, "-set", "training.bacth=3"}, "did you mean training.batch?"},
		{[]string{"-config", good, "-set", "training.batch=many"}, `found "many", expected an integer`},
		{[]string{"-config", filepath.Join(t.TempDir(), "none.toml")}, "none.toml: cannot read the config"},
		{[]string{"-config", writeConfig(t, "[data]\nszie = 3\n")},
			"a.toml:2: data.szie: unknown key, did you mean data.size?"},
		{[]string{"-config", good, "-config", good}, "name: its run folder runs/a is that of"},
		{[]string{"artifacts", "-config", writeConfig(t, ""), "-out", "x"}, "data.dir: is not set"},
	}
	for _, test := range tests {
		code, stdout, stderr := trainer(t, test.args...)
		if code != exitUsage || !strings.Contains(filepath.ToSlash(stderr), test.want) {
			t.Errorf("trainer %q: exit code %d, want %d with %q:\n%s", test.args, code, exitUsage, test.want, stderr)
		}
		if stdout != "" {
			t.Errorf("trainer %q wrote to standard output:\n%s", test.args, stdout)
		}
	}
}

func TestUnknownVariable(t *testing.T) {
	var out, err bytes.Buffer
	args := []string{"-config", writeConfig(t, "[data]\ndir = \"images\"\n")}
	code := run(t.Context(), args, []string{"FOVEA_DATA_SZIE=3"}, &out, &err)
	if want := "FOVEA_DATA_SZIE: unknown variable, did you mean FOVEA_DATA_SIZE?"; code != exitUsage ||
		!strings.Contains(err.String(), want) {
		t.Errorf("exit code %d:\n%s", code, &err)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}, {"help", "help"}} {
		code, stdout, stderr := trainer(t, args...)
		if code != exitDone || stderr != "" {
			t.Errorf("trainer %q: exit code %d:\n%s", args, code, stderr)
		}
		for _, c := range newCommands(new(app)) {
			if !strings.Contains(stdout, "\n  "+c.name+" ") {
				t.Errorf("trainer %q does not list %s", args, c.name)
			}
		}
	}
	if _, stdout, _ := trainer(t, "help", "config"); !strings.Contains(stdout, "| `optimizer.layer_decay` |") {
		t.Error("help config does not list the keys")
	}
	for _, c := range newCommands(new(app)) {
		for _, args := range [][]string{{"help", c.name}, {c.name, "-h"}, {c.name, "--help"}, {c.name, "-v", "-h"}} {
			if code, stdout, _ := trainer(t, args...); code != exitDone || stdout != c.manual() {
				t.Errorf("trainer %q: exit code %d:\n%s", args, code, stdout)
			}
		}
	}
	if code, stdout, _ := trainer(t, "runtime", "install", "-h"); code != exitDone || stdout != manualOf(t, "runtime") {
		t.Errorf("runtime install -h: exit code %d:\n%s", code, stdout)
	}
	if _, stdout, _ := trainer(t, "-h"); stdout != overview() {
		t.Errorf("-h:\n%s", stdout)
	}
}

func manualOf(t *testing.T, name string) string {
	t.Helper()
	c, err := new(app).find(name)
	if err != nil {
		t.Fatal(err)
	}
	return c.manual()
}

// TestManuals proves that every manual lists every flag with its default, fits a terminal, and has examples that parse.
func TestManuals(t *testing.T) {
	for _, c := range newCommands(new(app)) {
		manual := c.manual()
		c.flagSet.VisitAll(func(f *flag.Flag) {
			entry := regexp.MustCompile(`\n  -`+f.Name+`(=false)?[ \n]`).Split(manual, 2)
			if len(entry) != 2 {
				t.Fatalf("%s: the manual does not list -%s", c.name, f.Name)
			}
			text, _, _ := strings.Cut(entry[1], "\n  -")
			text = strings.Join(strings.Fields(text), " ")
			switch f.DefValue {
			case "", "0", "false", "true":
			default:
				if !strings.Contains(text, "(default "+f.DefValue+")") {
					t.Errorf("%s: the manual does not give the default of -%s: %s", c.name, f.Name, text)
				}
			}
		})
		for line := range strings.Lines(manual + overview()) {
			if utf8.RuneCountInString(line) > 80+len("\n") {
				t.Errorf("%s: line longer than a terminal: %s", c.name, line)
			}
		}
		for _, line := range strings.Split(strings.ReplaceAll(c.examples, "\\\n", ""), "\n") {
			_, line, found := strings.Cut(line, "trainer ")
			if !found {
				continue // another program's line
			}
			line, _, _ = strings.Cut(line, ">")
			a := &app{args: strings.Fields(line)}
			called, args, err := a.command()
			if err != nil || called.name != c.name {
				t.Fatalf("%s: example %q: %v", c.name, line, err)
			}
			if _, err := called.parse(args); err != nil {
				t.Errorf("%s: example %q: %v", c.name, line, err)
			}
			if err := called.require(called.required...); err != nil {
				t.Errorf("%s: example %q: %v", c.name, line, err)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := trainer(t, "version")
	if code != exitDone || !strings.HasPrefix(stdout, "fovea ") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	defer func(was string) { release = was }(release)
	release = "v1.2"
	if _, stdout, _ := trainer(t, "version"); !strings.HasPrefix(stdout, "fovea v1.2, ") {
		t.Errorf("a release says %s", stdout)
	}
	clone := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}
	module := &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}}
	for info, want := range map[*debug.BuildInfo]string{
		clone: "(devel) abc", module: "v0.1.0",
		{}: "(devel) of an unknown revision (built with -buildvcs=false or outside a clone)",
	} {
		if got := versionOf(info); got != want {
			t.Errorf("version %q, want %q", got, want)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"done", nil, 0},
		{"failed", errors.New("disk full"), 1},
		{"usage", &usageError{"eval", errors.New("missing -model")}, 2},
		{"config", fmt.Errorf("run: %w", &config.Error{Key: "training.batch", Err: errors.New("x")}), 2},
		{"interrupted", fmt.Errorf("epoch 3: %w", context.Canceled), 130},
		{"failed while stopping", errors.New("writing the checkpoint: disk full"), 1},
	} {
		var stderr bytes.Buffer
		a := &app{console: newConsole(&stderr)}
		if got := a.exitCode(test.err); got != test.want {
			t.Errorf("%s: exit code %d, want %d", test.name, got, test.want)
		}
		if test.err != nil && !strings.Contains(stderr.String(), test.err.Error()) {
			t.Errorf("%s: standard error lacks the error: %s", test.name, &stderr)
		}
	}
}
