package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"fovea/data"
	"fovea/evaluation/report"
	"fovea/inference"
	"fovea/inference/explain"
	"fovea/inference/shard"
	"fovea/internal/durable"
	"fovea/internal/naming"
)

// A shardFlag holds -shard.
type shardFlag struct{ text string }

func (f *shardFlag) flag() flagEntry {
	return flagEntry{&f.text, "shard", "I/N", `work on part I of N of the images alone, as in 3/16, and write it to a file
		that has this in its name, with a record beside it, for trainer merge. auto takes I and N from the variables of a
		Slurm array job, or from JOB_COMPLETION_INDEX and JOB_COMPLETIONS of an indexed job of Kubernetes`}
}

func (f *shardFlag) read(a *app) (shard.Shard, error) {
	s, err := shard.Parse(f.text, a.environ)
	if err != nil {
		return s, badUsage("-shard: %w", err)
	}
	return s, nil
}

func mergeCommand(a *app) *command {
	var out string
	return &command{
		name:      "merge",
		writesCSV: true,
		summary:   "join the shards of predict, eval or features",
		synopsis:  []string{"trainer merge SHARD ... -out FILE|DIR"},
		text: `
Joins the files that predict, eval or features wrote with -shard, into what one process writes: the same bytes for
predict and features, the same measures and report for eval. SHARD is the file of a shard, in any order; its record
FILE.shard.json must lie beside it.

Refuses shards that are missing, that are there twice or that changed, and those of another model, list of images,
number of shards or with other options. The message names them.

For eval the model and the images must be where they were. Call it from the same folder.
`,
		flags: []flagEntry{
			{&out, "out", "PATH", "file to write, or folder for eval; a file appears only when it is complete"},
		},
		examples: `
trainer merge predictions.*-of-16.csv -out predictions.csv
trainer merge eval/shard_test.*-of-16.jsonl -out eval
`,
		required: []string{"out"},
		operands: true,
		run:      func(ctx context.Context, operands []string) error { return a.merge(ctx, operands, out) },
	}
}

func (a *app) merge(ctx context.Context, paths []string, out string) error {
	if len(paths) == 0 {
		return badUsage("missing the files of the shards")
	}
	if slices.ContainsFunc(paths, func(p string) bool { return filepath.Clean(p) == filepath.Clean(out) }) {
		return badUsage("-out %s is one of the shards: choose another name", out)
	}
	shards, err := shard.Open(paths)
	if err != nil {
		return err
	}
	data.LimitPixels(shards[0].Pixels) // the report of eval shows images
	switch command := shards[0].Command; command {
	case "predict":
		durable.Clean(filepath.Dir(out), filepath.Base(out))
		err := durable.Write(out, func(w io.Writer) error { return shard.Join(w, shards, 0, nil) })
		return a.printImages(shards[0].Images, out, err)
	case "features":
		n, err := explain.MergeFeatures(shards, out)
		return a.printImages(n, out, err)
	case "eval":
		o, err := inference.MergedEvaluation(shards)
		if err != nil {
			return err
		}
		o.Out, o.Version, o.Progress = out, version(), a.console.update
		o.Command = report.Line(append([]string{"trainer"}, naming.PortableArguments(a.args)...)...)
		test, err := inference.Evaluate(ctx, o)
		if err != nil {
			return err
		}
		logMeaning(o.Model, test.Meaning)
		return a.printTest(fmt.Sprintf("%s on %s of %s", o.Model, o.Split, o.Data), test, out)
	default:
		return fmt.Errorf("%s: its record is of the command %.100q, which has no shards: repeat it", paths[0], command)
	}
}
