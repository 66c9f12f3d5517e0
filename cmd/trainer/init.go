package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fovea/internal/durable"
	"fovea/training/pace"
	"fovea/training/start"
)

func initCommand(a *app) *command {
	o := start.Options{Time: time.Hour, Progress: a.console.update}
	var out string
	var dry bool
	var overrides texts
	return &command{
		name:     "init",
		summary:  "look at a folder of images and write a config for it",
		synopsis: []string{"trainer init PATH [flags]"},
		text: `
Looks at images and at this machine, measures a few steps, and writes a config that works as it is. Its comments say
what was found: classes in their order, splits, patients, sizes and colours of the images, the time and the memory.

PATH is a folder with train/, val/ and test/, a folder with a folder for each class, a folder of images with a table of
labels, or that table. Tar archives may stand in the place of folders.

The model is the largest of a few that is trained within -time. On a CPU with -weights only the head is trained, on a GPU
all of it. Without weights a small model is trained from random ones.
`,
		flags: []flagEntry{
			{&out, "out", "FILE", "file to write, which must not exist (default NAME.toml)"},
			{&dry, "dry", "", "print the config, write nothing"},
			{&o.Weights, "weights", "FILE", "pre-trained weights: a file, or a name in the cache of the Hugging Face hub"},
			{&o.Labels, "labels", "FILE", "table of labels, where the folder holds none or several"},
			{&o.Name, "name", "NAME", "name of the run (default: that of the folder)"},
			{durationFlag{&o.Time}, "time", "DURATION", "time that the run may take, as in 30m or 8h"},
			runtimeFlag(&overrides),
		},
		examples: `
trainer init photos -dry
trainer init OCTID -out octid.toml
trainer init labels.xlsx -weights RETFound_mae_meh -time 3h
`,
		operands: true,
		run: func(ctx context.Context, operands []string) error {
			if len(operands) != 1 {
				return badUsage("expected one PATH, found %q", operands)
			}
			if o.Time <= 0 {
				return badUsage("-time must be above 0")
			}
			o.Path, o.Overrides, o.Environ = operands[0], overrides, a.environ
			return a.init(ctx, o, out, dry)
		},
	}
}

func (a *app) init(ctx context.Context, o start.Options, out string, dry bool) error {
	if out == "" && !dry {
		out = filepath.Base(start.NameOf(o)) + ".toml"
	}
	if _, err := os.Lstat(out); !dry && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s exists already and is not overwritten: choose another file with -out", out), err)
	}
	p, err := start.New(ctx, o)
	if err != nil {
		return err
	}
	a.console.close()
	if dry {
		_, err := a.text.Write(p.Text)
		return err
	}
	if err := durable.Write(out, func(w io.Writer) error { _, err := w.Write(p.Text); return err }); err != nil {
		return err
	}
	a.printf("written: %s, for a run of about %s\n", out, pace.Text(p.Measured.Time()))
	a.printf("train with: trainer -config %s\n", out)
	return nil
}

// A durationFlag is a flag for a time.Duration.
type durationFlag struct{ d *time.Duration }

func (f durationFlag) String() string {
	if f.d == nil {
		return ""
	}
	return f.d.String()
}

func (f durationFlag) Set(text string) (err error) {
	*f.d, err = time.ParseDuration(text)
	return err
}
