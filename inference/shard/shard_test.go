package shard

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRange: shards cover each image once, in order, begin where a batch does, and differ by one batch at most.
func TestRange(t *testing.T) {
	for range 2000 {
		images, batch, n := 1+rand.IntN(300), 1+rand.IntN(40), 1+rand.IntN(50)
		at, least, most := 0, images, 0
		for i := range n {
			from, to := Shard{i + 1, n}.Range(images, batch)
			if from != at || to < from || from%batch != 0 && from != images {
				t.Fatalf("%d images, batch %d, shard %d/%d: [%d, %d) behind %d", images, batch, i+1, n, from, to, at)
			}
			at = to
			batches := (to - from + batch - 1) / batch
			least, most = min(least, batches), max(most, batches)
		}
		if at != images || most-least > 1 {
			t.Fatalf("%d images, batch %d, %d shards: they end at %d, with %d to %d batches", images, batch, n, at, least, most)
		}
	}
	if from, to := (Shard{}).Range(9, 4); from != 0 || to != 9 {
		t.Errorf("the whole list is [%d, %d)", from, to)
	}
}

func TestParse(t *testing.T) {
	slurm := func(id, first, last, count string) []string {
		return []string{"SLURM_ARRAY_TASK_ID=" + id, "SLURM_ARRAY_TASK_MIN=" + first, "SLURM_ARRAY_TASK_MAX=" + last,
			"SLURM_ARRAY_TASK_COUNT=" + count}
	}
	for _, test := range []struct {
		text    string
		environ []string
		want    Shard
		refused string
	}{
		{text: ""},
		{text: "", environ: slurm("3", "1", "16", "16")}, // nothing without auto
		{text: "3/16", want: Shard{3, 16}},
		{text: "0/16", refused: "between 1 and"},
		{text: "17/16", refused: "between 1 and"},
		{text: "3", refused: "is not I/N"},
		{text: "1/2000000", refused: "at most"},
		{text: "auto", refused: "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX"},
		{text: "auto", environ: slurm("0", "0", "15", "16"), want: Shard{1, 16}},
		{text: "auto", environ: slurm("16", "1", "16", "16"), want: Shard{16, 16}},
		{text: "auto", environ: slurm("3", "3", "12", "3"), refused: "must follow one another"},
		{text: "auto", environ: slurm("3", "1", "x", "3"), refused: `SLURM_ARRAY_TASK_MAX is "x"`},
		{text: "auto", environ: []string{"JOB_COMPLETION_INDEX=0", "JOB_COMPLETIONS=4"}, want: Shard{1, 4}},
		{text: "auto", environ: []string{"JOB_COMPLETION_INDEX=4", "JOB_COMPLETIONS=4"}, refused: "5/4"},
		{text: "auto", environ: []string{"JOB_COMPLETION_INDEX=0"}, refused: "JOB_COMPLETIONS"},
		{text: "auto", environ: append(slurm("1", "1", "2", "2"), "JOB_COMPLETION_INDEX=0"), refused: "both set"},
	} {
		got, err := Parse(test.text, test.environ)
		if got != test.want || (err != nil) != (test.refused != "") ||
			err != nil && !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%q with %q: %v, %v, want %v and %q", test.text, test.environ, got, err, test.want, test.refused)
		}
	}
	if name := (Shard{3, 16}).File("a.b/p.csv"); name != "a.b/p.03-of-16.csv" {
		t.Error(name)
	}
}
