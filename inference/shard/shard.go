// Package shard divides a list of images among processes that know nothing of each other, and puts their results
// together again. Each process writes a file of its own and, when that is complete, a record beside it. A merge takes
// the files by their records, and refuses what would not be the result of one process.
package shard

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// A Shard is a part of a list of images. Its zero value is the whole list.
type Shard struct {
	Number int `json:"shard"`  // from 1
	Of     int `json:"shards"` // how many there are
}

// maxShards is the largest number of shards.
const maxShards = 1_000_000

// Auto is the text of a shard that the environment names.
const Auto = "auto"

// Parse reads a shard such as "3/16". "" is the whole list. "auto" asks environ: the variables of a Slurm array job, or
// JOB_COMPLETION_INDEX and JOB_COMPLETIONS, which an indexed job of Kubernetes must set.
func Parse(text string, environ []string) (Shard, error) {
	switch text {
	case "":
		return Shard{}, nil
	case Auto:
		return fromEnvironment(environ)
	}
	number, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(number)
	n, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil {
		return Shard{}, fmt.Errorf("%.100q is not I/N, as in 3/16, or %s", text, Auto)
	}
	return newShard(i, n)
}

func newShard(i, n int) (Shard, error) {
	if n < 1 || n > maxShards || i < 1 || i > n {
		return Shard{}, fmt.Errorf("%d/%d: the first number must lie between 1 and the second, which is at most %d", i, n,
			maxShards)
	}
	return Shard{i, n}, nil
}

func fromEnvironment(environ []string) (Shard, error) {
	values := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		values[name] = value
	}
	number := func(name string) (int, error) {
		n, err := strconv.Atoi(values[name])
		if err != nil {
			err = fmt.Errorf("%s: the variable %s is %.100q, not a number: set it, or say I/N", Auto, name, values[name])
		}
		return n, err
	}
	_, slurm := values["SLURM_ARRAY_TASK_ID"]
	_, kubernetes := values["JOB_COMPLETION_INDEX"]
	switch {
	case slurm && kubernetes:
		return Shard{}, fmt.Errorf("%s: the variables of Slurm and of Kubernetes are both set: say I/N", Auto)
	case kubernetes:
		i, err := number("JOB_COMPLETION_INDEX")
		if err != nil {
			return Shard{}, err
		}
		n, err := number("JOB_COMPLETIONS")
		if err != nil {
			return Shard{}, err
		}
		return newShard(i+1, n)
	case !slurm:
		return Shard{}, fmt.Errorf("%s: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set: say I/N, as in 3/16",
			Auto)
	}
	var v [4]int
	for i, name := range []string{"ID", "MIN", "MAX", "COUNT"} {
		var err error
		if v[i], err = number("SLURM_ARRAY_TASK_" + name); err != nil {
			return Shard{}, err
		}
	}
	id, first, last, count := v[0], v[1], v[2], v[3]
	if last-first+1 != count {
		return Shard{}, fmt.Errorf("%s: the Slurm array has %d tasks between %d and %d: its numbers must follow one "+
			"another; say I/N to repeat some shards", Auto, count, first, last)
	}
	return newShard(id-first+1, count)
}

// Whole reports whether s is the whole list.
func (s Shard) Whole() bool { return s.Of == 0 }

// String returns the shard as Parse reads it.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Number, s.Of) }

// Range returns the positions [from, to) of s in a list of images. Shards follow one another. They begin where a batch
// of one process begins, since the last bits of a result may depend on which images share a batch; so their sizes
// differ by one batch at most. Where there are fewer batches than shards, some shards are empty.
func (s Shard) Range(images, batch int) (from, to int) {
	if s.Whole() {
		return 0, images
	}
	batches := (images + batch - 1) / batch
	return min(batches*(s.Number-1)/s.Of*batch, images), min(batches*s.Number/s.Of*batch, images)
}

// File returns the name of the shard's file for the file that all shards make together: p.csv becomes p.03-of-16.csv.
// The numbers have one width, so that names sort as shards do.
func (s Shard) File(path string) string {
	if s.Whole() {
		return path
	}
	ext := filepath.Ext(path)
	width := len(strconv.Itoa(s.Of))
	return fmt.Sprintf("%s.%0*d-of-%d%s", strings.TrimSuffix(path, ext), width, s.Number, s.Of, ext)
}
