package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"fovea/evaluation"
	"fovea/evaluation/report"
	"fovea/internal/naming"
	"fovea/training"
	"fovea/training/collective"
	"fovea/training/config"
)

func trainCommand(a *app) *command {
	var files, overrides, beside texts
	var resume bool
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
			{&files, "config", "FILE", `TOML config. Repeat it to train several runs, one after another; a run that fails
				does not stop the others. A table then compares the runs. It is also written to comparison.csv and
				comparison.md in output.dir of the first config`},
			configFlag(&overrides),
			{&beside, "beside", "DIR", `add to the table what other frameworks reached on the same data sets: the files
				FRAMEWORK/DATASET/metrics_test.csv in DIR, with any of the metrics as columns. The data set of a run is
				the last part of data.dir, or the run's name, in upper or lower case; may repeat`},
			{&resume, "resume", "", `continue from checkpoints/last of the run folder. A finished run is only reported; a run
				without a checkpoint starts from the beginning`},
		},
		notes: `
A key's value comes from -set, else from the environment (FOVEA_SCHEDULE_EPOCHS), else from the file, else it is the
default. "trainer help config" lists all keys. -set holds for every -config.

Under mpirun or srun the processes train together on CPUs. They share the training.accumulate batches of each step, and
the images of validation and test. The result has the bits of one process with the same runtime.threads.

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
			return a.train(ctx, files, overrides, beside, resume)
		},
	}
}

func (a *app) train(ctx context.Context, files, overrides, beside []string, resume bool) (err error) {
	var others []evaluation.Outcome
	group, err := collective.Open()
	if err != nil {
		return err
	}
	a.group = group
	defer group.Recover()
	if group.Rank() > 0 { // the first process tells what all do, and why they end
		a.console.silence()
	}
	runs, err := readConfigs(files, overrides, a.environ)
	if err == nil {
		others, err = a.readArchives(beside, runs)
	}
	if err := group.Agree(err); err != nil {
		return err
	}
	var ours []evaluation.Outcome
	var failed []error
	for _, c := range runs {
		result, err := training.Run(ctx, c, training.Options{Resume: resume, Progress: a.console.update, Version: version(),
			Group: group})
		switch {
		case err == nil:
			if err := group.First(func() error { return a.printResult(result) }); err != nil {
				return err
			}
		case errors.Is(err, context.Canceled):
			return fmt.Errorf("%w\nresume with:\n%w", err, errors.New("  "+resumeCommand(files, overrides, beside)))
		case len(runs) == 1:
			return err
		default: // the other runs may well succeed, hours from now
			failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
			a.console.fail("error: ", failed[len(failed)-1])
		}
		if group.Rank() == 0 {
			ours = append(ours, outcome(c, result, err))
		}
	}
	if group.Rank() == 0 && (len(runs) > 1 || len(beside) > 0) {
		err = a.compare(evaluation.Compare(ours, others), runs[0].Output.Dir)
	}
	if len(failed) > 0 { // the text hides the kind of a failure: the exit code is that of a failed run
		texts := make([]error, len(failed))
		for i, f := range failed {
			texts[i] = told(strings.Split(naming.ErrorText(f), "\n"))
		}
		err = errors.Join(fmt.Errorf("%d of %d runs failed:\n%w", len(failed), len(runs), errors.Join(texts...)), err)
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

// resumeCommand returns the command line that continues interrupted runs. It only reports those that are finished.
func resumeCommand(files, overrides, beside []string) string {
	words := []string{"trainer"}
	for _, f := range files {
		words = append(words, "-config", f)
	}
	for _, o := range overrides {
		words = append(words, "-set", o)
	}
	for _, dir := range beside {
		words = append(words, "-beside", dir)
	}
	return report.Line(append(words, "-resume")...)
}
