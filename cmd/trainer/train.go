package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/internal/naming"
	"fovea/training"
	"fovea/training/collective"
	"fovea/training/config"
	"fovea/training/launch"
)

func trainCommand(a *app) *command {
	var f trainFlags
	return &command{
		name:      "train",
		writesCSV: true,
		summary:   "fine-tune a model, test it, write the run folder (the default)",
		synopsis:  []string{"trainer [train] -config FILE [-config FILE ...] [flags]"},
		text: `
Fine-tunes the model that a config describes. The images lie in data.dir, which holds train/, val/ and test/ with one
folder for each class. The epoch with the best result on the validation set is evaluated on the test set.

The run folder, output.dir/name, gets everything: the resolved config, the log, metrics, predictions, figures, a report,
the inference model model.onnx and two checkpoints.
`,
		flags: []flagEntry{
			{&f.files, "config", "FILE", `TOML config. Repeat it to train several runs, one after another; a run that fails
				does not stop the others. A table then compares the runs. It is also written to comparison.csv and
				comparison.md in output.dir of the first config`},
			configFlag(&f.overrides),
			{&f.beside, "beside", "DIR", `add to the table what other frameworks reached on the same data sets: the files
				FRAMEWORK/DATASET/metrics_test.csv in DIR, with any of the metrics as columns. The data set of a run is
				the last part of data.dir, or the run's name, in upper or lower case; may repeat`},
			{&f.resume, "resume", "", `continue from checkpoints/last of the run folder. A finished run is only reported; a run
				without a checkpoint starts from the beginning`},
			{&f.shard.text, "shard", "I/N", `train the configs I, I+N, I+2N, ... alone, as in 3/16, and write no table. When all
				are finished, the same command with -resume and without -shard writes it. auto takes I and N from the variables
				of an array job, as in trainer predict`},
		},
		notes: `
A key's value comes from -set, else from the environment (FOVEA_SCHEDULE_EPOCHS), else from the file, else it is the
default. "trainer help config" lists all keys. -set holds for every -config.

With runtime.devices the run starts several processes on this machine, which train together; mpirun, srun and torchrun
start them on several machines. They share the training.accumulate batches of each step, and the images of validation
and test. On CPUs the result has the bits of one process with the same runtime.threads.

Ctrl-C or SIGTERM finishes the current step, writes a checkpoint and exits with 130. -resume then ends with the same
result as a run that was never stopped. A second signal stops at once.
`,
		examples: `
trainer -config configs/retinamnist.toml
trainer -config configs/retinamnist.toml -set seed=1 -set name=seed1
trainer -config configs/octid.toml -config configs/retina.toml \
        -beside configs/archive
`,
		required: []string{"config"},
		run: func(ctx context.Context, _ []string) error {
			return a.train(ctx, f)
		},
	}
}

// trainFlags holds the flags of the command.
type trainFlags struct {
	files, overrides, beside texts
	resume                   bool
	shard                    shardFlag
}

// A plan holds what a command line asks for.
type plan struct {
	files  []string // of the configs
	runs   []*config.Config
	others []evaluation.Outcome // for the table
	table  bool                 // whether one is made
}

func (a *app) plan(f trainFlags) (p plan, err error) {
	part, err := f.shard.read(a)
	if err != nil {
		return p, err
	}
	if !part.Whole() && len(f.beside) > 0 {
		return p, badUsage("-beside adds to the table, which -shard does not write: leave one of them out")
	}
	p.files, p.table = f.files, part.Whole() && (len(f.files) > 1 || len(f.beside) > 0)
	if p.runs, err = readConfigs(f.files, f.overrides, a.environ); err != nil {
		return p, err
	}
	if !part.Whole() {
		p.files, p.runs = every(p.files, part.Number-1, part.Of), every(p.runs, part.Number-1, part.Of)
		slog.Info("configs of this shard", "shard", part, "configs", len(p.files), "of", len(f.files))
	}
	p.others, err = a.readArchives(f.beside, p.runs)
	return p, err
}

func (a *app) train(ctx context.Context, f trainFlags) (err error) {
	group, err := collective.Open(ctx)
	if err != nil {
		return err
	}
	a.group = group
	defer group.Recover()
	if group.Rank() > 0 { // the first process tells what all do, and why they end
		a.console.silence()
	}
	p, err := a.plan(f)
	if err := group.Agree(err); err != nil {
		return err
	}
	var ours []evaluation.Outcome
	var failed []error
	for i, c := range p.runs {
		var result *training.Result
		var printing error
		run := func(g *collective.Group) (err error) {
			if g != group { // the processes that this one has started have read the config
				if err := g.Agree(nil); err != nil {
					return err
				}
			}
			result, err = training.Run(ctx, c, training.Options{Resume: f.resume, Progress: a.console.update,
				Version: version(), Group: g})
			if err == nil {
				printing = g.First(func() error { return a.printResult(result) })
			}
			return errors.Join(err, printing)
		}
		if group.Size() > 1 {
			if group.Rank() == 0 && c.Runtime.Devices != "" {
				slog.Warn("another program started the processes, so runtime.devices starts none", "processes", group.Size())
			}
			err = run(group)
		} else {
			command := f.arguments(p.files[i : i+1])
			err = launch.Together(ctx, c.Runtime, launch.Command{Arguments: command, Say: a.console.line}, run)
		}
		switch {
		case err == nil:
		case printing != nil:
			return printing
		case errors.Is(err, context.Canceled):
			return fmt.Errorf("%w\nresume with:\n%w", err, errors.New("  "+f.resumeCommand()))
		case len(p.runs) == 1:
			return err
		default: // the other runs may well succeed, hours from now
			failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
			a.console.fail("error: ", failed[len(failed)-1])
		}
		if group.Rank() == 0 {
			ours = append(ours, outcome(c, result, err))
		}
	}
	if group.Rank() == 0 && p.table {
		err = a.compare(evaluation.Compare(ours, p.others), p.runs[0].Output.Dir)
	}
	if len(failed) > 0 { // the text hides the kind of a failure: the exit code is that of a failed run
		texts := make([]error, len(failed))
		for i, f := range failed {
			texts[i] = told(strings.Split(naming.ErrorText(f), "\n"))
		}
		err = errors.Join(fmt.Errorf("%d of %d runs failed:\n%w", len(failed), len(p.runs), errors.Join(texts...)), err)
	}
	return err
}

// A told error has the lines of another error, and hides its kind.
type told []string

func (t told) Error() string   { return strings.Join(t, "\n") }
func (t told) Lines() []string { return t }

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

// every returns the elements first, first+step, first+2*step and so on of a list.
func every[T any](list []T, first, step int) (out []T) {
	for i := first; i < len(list); i += step {
		out = append(out, list[i])
	}
	return out
}

// resumeCommand returns the command line that continues interrupted runs. It only reports those that are finished.
func (f trainFlags) resumeCommand() string {
	words := append([]string{"trainer"}, f.arguments(f.files)...)
	for _, dir := range f.beside {
		words = append(words, "-beside", dir)
	}
	if f.shard.text != "" {
		words = append(words, "-shard", f.shard.text)
	}
	if !f.resume {
		words = append(words, "-resume")
	}
	return report.Line(words...)
}

// arguments returns those of a command that takes the runs of some configs as this one does.
func (f trainFlags) arguments(configs []string) []string {
	var words []string
	for _, file := range configs {
		words = append(words, "-config", file)
	}
	for _, o := range f.overrides {
		words = append(words, "-set", o)
	}
	if f.resume {
		words = append(words, "-resume")
	}
	return words
}
