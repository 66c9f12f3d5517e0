package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"fovea/evaluation"
	"fovea/training"
	"fovea/training/config"
)

func runTrain(a *app, ctx context.Context, args []string) error {
	fs := a.newFlags("train")
	var files, overrides, beside texts
	fs.Var(&files, "config", "TOML config")
	fs.Var(&overrides, "set", "override a key")
	fs.Var(&beside, "beside", "folder of other frameworks' results")
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
	others, err := a.readArchives(beside, runs)
	if err != nil {
		return err
	}

	var ours []evaluation.Outcome
	var failed []error
	for _, c := range runs {
		result, err := training.Run(ctx, c, training.Options{Resume: *resume, Progress: a.console.update,
			Version: version()})
		a.console.endTask()
		switch {
		case err == nil:
			a.printResult(result)
		case ctx.Err() != nil:
			return fmt.Errorf("%w\nresume with:\n  %s", err, resumeCommand(files, overrides, beside))
		case len(runs) == 1:
			return err
		default: // the other runs may well succeed, hours from now
			failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
			a.console.line("error: " + failed[len(failed)-1].Error())
		}
		ours = append(ours, outcome(c, result, err))
	}
	if len(runs) > 1 || len(beside) > 0 {
		err = a.compare(evaluation.Compare(ours, others), runs[0].Output.Dir)
	}
	if len(failed) > 0 { // %v, for whatever the kind of a failure is, the exit code is that of a failed run
		err = errors.Join(fmt.Errorf("%d of %d runs failed:\n%v", len(failed), len(runs), errors.Join(failed...)), err)
	}
	return err
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

// resumeCommand is the command line that takes interrupted runs up again. Runs
// that are finished are only reported by it, others start or go on.
func resumeCommand(files, overrides, beside []string) string {
	command := "trainer"
	for _, f := range files {
		command += " -config " + quote(f)
	}
	for _, o := range overrides {
		command += " -set " + quote(o)
	}
	for _, dir := range beside {
		command += " -beside " + quote(dir)
	}
	return command + " -resume"
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
