package inference

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"fovea/data"
	"fovea/data/labels"
	"fovea/data/store"
	"fovea/evaluation"
	"fovea/inference/shard"
	"fovea/internal/durable"
	"fovea/internal/runfiles"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
)

// evalShard holds the options of an evaluation in shards, from which a merge makes the report.
type evalShard struct {
	Model      string               `json:"model_file"`
	Given      Description          `json:"description"`
	Scores     string               `json:"scores"`
	Data       string               `json:"data"`
	Split      string               `json:"split"`
	Labels     string               `json:"labels"`
	Columns    labels.Columns       `json:"columns"`
	Skip       bool                 `json:"skip_unreadable"`
	Prevalence float64              `json:"prevalence"`
	Intervals  evaluation.Intervals `json:"intervals"`
	Breakdown  evaluation.Breakdown `json:"breakdown"`
}

// EvaluateShard classifies a shard of a split and writes the results to a file in o.Out, which it returns with the
// number of its images. A shard that was stopped or killed can be resumed. [MergedEvaluation] makes the report.
func EvaluateShard(ctx context.Context, o EvalOptions) (path string, images int, err error) {
	if filepath.Base(o.Split) != o.Split {
		return "", 0, fmt.Errorf("split %q is not the name of a folder in %s", o.Split, o.Data)
	}
	d, err := Describe(o.Model, o.Given)
	if err != nil {
		return "", 0, err
	}
	split, err := Images{Dir: o.Data, Split: o.Split, Labels: o.Labels, Columns: o.Columns, Skip: o.Skip}.Open(d, o.Model)
	if err != nil {
		return "", 0, err
	}
	if err := o.Breakdown.Check(split.Attributes); err != nil {
		return "", 0, fmt.Errorf("%s: %w", split, err)
	}
	if err := durable.MakeFolder(o.Out); err != nil {
		return "", 0, err
	}
	e, err := engine.New(ctx, o.Runtime, o.Progress)
	if err != nil {
		return "", 0, err
	}
	defer e.Close()
	e.Configure(func(o *ort.Options) { o.Context = ctx })
	o.Batch = cmp.Or(o.Batch, defaultBatch)
	c, err := Open(o.Model, d, o.Batch, e.Options())
	if err != nil {
		return "", 0, err
	}
	defer c.Close()
	model, err := Digest(o.Model)
	if err != nil {
		return "", 0, err
	}
	record := shard.Record{Command: "eval", Shard: o.Shard, Images: len(split.Samples), Batch: c.Batch(),
		List: listOf(o.Data, split), Model: model, Host: e.Host()}
	from, to := o.Shard.Range(record.Images, record.Batch)
	part := *split
	if part.Samples = split.Samples[from:to]; split.Verified != nil {
		part.Verified = split.Verified[from:to]
	}
	path = o.Shard.File(filepath.Join(o.Out, runfiles.ShardPredictions(o.Split)))
	if err := shard.Begin(path); err != nil {
		return "", 0, err
	}
	p, err := o.stream(ctx, c, e, &part, d, nil, path)
	if err == nil && !o.Skip { // whether anything is left only the merge can tell
		err = p.bad.LeaveOut(false, "add -skip-unreadable to all shards, with -resume to keep what is done,")
	}
	if err != nil {
		return "", 0, err
	}
	header, err := json.Marshal(source(model, d, c, e))
	if err != nil {
		return "", 0, err
	}
	options := evalShard{o.Model, o.Given, d.Scores, o.Data, o.Split, o.Labels, o.Columns, o.Skip, o.Prevalence,
		o.Intervals, o.Breakdown}
	return path, to - from, record.Finish(options, []int64{int64(len(header)) + 1}, path)
}

// MergedEvaluation returns the options of the evaluation that the shards are parts of, for [Evaluate]. The model and
// the images must be what they were.
func MergedEvaluation(shards []*shard.Record) (EvalOptions, error) {
	var s evalShard
	if err := json.Unmarshal(shards[0].Options, &s); err != nil {
		return EvalOptions{}, err
	}
	o := EvalOptions{Model: s.Model, Given: s.Given, Data: s.Data, Split: s.Split, Labels: s.Labels, Columns: s.Columns,
		Skip: s.Skip, Prevalence: s.Prevalence, Intervals: s.Intervals, Breakdown: s.Breakdown, Shards: shards}
	if o.Given.Scores = s.Scores; s.Scores == "" {
		return o, errors.New("the shards do not say whether the model's output is logits or probabilities: repeat them")
	}
	model, err := Digest(o.Model)
	if err == nil && model != shards[0].Model {
		err = fmt.Errorf("%s is another model than that of the shards: put it back", o.Model)
	}
	return o, err
}

// listOf returns the digest of a split: the paths, the classes and what a table tells of each image.
func listOf(dir string, split *data.Split) string {
	var l shard.List
	for _, s := range split.Samples {
		path := s.Path
		if rel, err := store.Rel(dir, path); err == nil {
			path = rel
		}
		l.Add(filepath.ToSlash(path), split.Classes[s.Class])
		if split.Rows != nil {
			l.Add(split.Rows[s.Row]...)
		}
	}
	return l.Digest()
}

// readShards reads the results of a split from its shards.
func readShards(dir string, shards []*shard.Record, split *data.Split) (*predictions, error) {
	if len(split.Samples) != shards[0].Images || listOf(dir, split) != shards[0].List {
		return nil, fmt.Errorf("the images or labels of %s are not those of the shards: put them back, or repeat the shards",
			split)
	}
	p := newPredictions(split)
	for _, r := range shards {
		from, to := r.Range(r.Images, r.Batch)
		_, err := r.Rows(0, func(rows io.Reader) error {
			lines := json.NewDecoder(bufio.NewReader(rows))
			for i := from; i < to; i++ {
				result, err := readLine(lines, split.Samples[i], len(split.Classes))
				if err != nil {
					return fmt.Errorf("shard %s, result %d: %w: repeat the shard", r.Shard, i-from+1, err)
				}
				result.Index = i
				p.add([]Result{result})
			}
			if lines.More() {
				return fmt.Errorf("shard %s has more results than its %d images: repeat the shard", r.Shard, to-from)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func readLine(lines *json.Decoder, sample data.Sample, classes int) (Result, error) {
	var l journalLine
	if err := lines.Decode(&l); err != nil {
		return Result{}, err
	}
	if l.Path != string([]rune(sample.Path)) {
		return Result{}, fmt.Errorf("it is of %.300s, not of %s", l.Path, sample.Path)
	}
	if l.Error != "" {
		return Result{Err: errors.New(l.Error)}, nil
	}
	if len(l.Probabilities) != classes {
		return Result{}, fmt.Errorf("it has %d probabilities for %d classes", len(l.Probabilities), classes)
	}
	return Result{Probabilities: l.Probabilities}, nil
}
