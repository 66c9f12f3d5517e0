package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fovea/cmd/trainer/internal/training"
	"fovea/training/config"
)

// A trained run is a row of the table that compares runs.
type trained struct {
	name   string
	result *training.Result // nil if the run failed
	took   time.Duration
}

func runTrain(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("train")
	var files, overrides texts
	fs.Var(&files, "config", "TOML config")
	fs.Var(&overrides, "set", "override a key")
	resume := fs.Bool("resume", false, "continue from the last checkpoint")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := required(fs, "config"); err != nil {
		return err
	}
	runs, err := readConfigs(files, overrides, a.environ)
	if err != nil {
		return err
	}

	var rows []trained
	var failed []error
	for i, c := range runs {
		start := time.Now()
		result, err := training.Run(ctx, c, training.Options{Resume: *resume, Progress: a.console.update})
		a.console.endTask()
		rows = append(rows, trained{c.Name, result, time.Since(start)})
		switch {
		case err == nil:
			a.printResult(rows[i])
		case ctx.Err() != nil:
			return fmt.Errorf("%w\n%s", err, howToGoOn(c, files[i:], overrides))
		case len(runs) == 1:
			return err
		default: // the other runs may well succeed, hours from now
			failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
			a.console.line("error: " + failed[len(failed)-1].Error())
		}
	}
	if len(rows) > 1 {
		a.printComparison(rows)
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d runs failed:\n%w", len(failed), len(runs), errors.Join(failed...))
	}
	return nil
}

// readConfigs reads and checks every file before the first run starts.
func readConfigs(files, overrides, environ []string) ([]*config.Config, error) {
	var runs []*config.Config
	var bad []error
	folders := map[string]string{}
	for _, file := range files {
		c, err := config.Read(file, overrides, environ)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		folder := filepath.Join(c.Output.Dir, c.Name)
		if other, taken := folders[folder]; taken {
			bad = append(bad, &config.Error{Source: file, Key: "name",
				Err: fmt.Errorf("its run folder %s is that of %s too", folder, other)})
		}
		folders[folder] = file
		runs = append(runs, c)
	}
	return runs, errors.Join(bad...)
}

// howToGoOn says how an interrupted run, the first of files, is taken up again.
func howToGoOn(c *config.Config, files, overrides []string) string {
	command := func(files []string) string {
		s := "trainer"
		for _, f := range files {
			s += " -config " + quote(f)
		}
		for _, o := range overrides {
			s += " -set " + quote(o)
		}
		return s
	}
	var text string
	if _, err := os.Stat(filepath.Join(c.Output.Dir, c.Name, "checkpoints", "last")); err == nil {
		text = "resume with:\n  " + command(files[:1]) + " -resume"
	} else {
		text = "no checkpoint was due yet; start again with:\n  " + command(files[:1])
	}
	if len(files) > 1 {
		text += "\nnot started:\n  " + command(files[1:])
	}
	return text
}

// quote makes one word of s for a shell, plainly where that needs no quotes.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+@%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
