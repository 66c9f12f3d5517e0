// Package mlflow writes runs to a file store of MLflow, which MLflow's own client and page read: a folder for each
// experiment and run, with files for parameters, metrics and tags.
package mlflow

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Status of a run, by its number in mlflow's service.proto.
type Status int

// What MLflow calls RUNNING, FINISHED and KILLED.
const (
	Running  Status = 1
	Finished Status = 3
	Stopped  Status = 5
)

// A Run is what the store gets of a run.
type Run struct {
	Name       string
	Folder     string // of the artifacts, which stay there
	Status     Status
	Start, End time.Time
	Params     map[string]string
	Tags       map[string]string
	Metrics    map[string][]Point
}

// A Point is a value of a metric.
type Point struct {
	Step  int
	Value float64
	Time  time.Time
}

// mostText is the length of the longest value that MLflow reads, in characters.
const mostText = 6000

// Write writes runs into the experiment of a name in the store dir. Runs of the same folder, written before, are
// replaced. Errors name the file that cannot be written.
func Write(dir, experiment string, runs []Run) error {
	id := number(experiment)
	home := filepath.Join(dir, id)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	where, err := address(home)
	if err != nil {
		return err
	}
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	if err := writeYAML(filepath.Join(home, "meta.yaml"), [][2]string{{"artifact_location", quote(where)},
		{"creation_time", now}, {"experiment_id", quote(id)}, {"last_update_time", now}, {"lifecycle_stage", "active"},
		{"name", quote(experiment)}}); err != nil {
		return err
	}
	for _, r := range runs {
		if err := r.write(home, id); err != nil {
			return fmt.Errorf("run %s for MLflow: %w", r.Name, err)
		}
	}
	return nil
}

func (r Run) write(home, experiment string) error {
	artifacts, err := address(r.Folder)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(artifacts))
	id := hex.EncodeToString(sum[:16])
	dir := filepath.Join(home, id)
	if err := os.MkdirAll(filepath.Join(dir, "artifacts"), 0o755); err != nil { // stays empty; without it MLflow sees no run
		return err
	}
	for _, name := range []string{"metrics", "params", "tags"} {
		folder := filepath.Join(dir, name)
		if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
			return err
		}
	}
	end := "null"
	if r.Status != Running {
		end = strconv.FormatInt(r.End.UnixMilli(), 10)
	}
	if err := writeYAML(filepath.Join(dir, "meta.yaml"), [][2]string{{"artifact_uri", quote(artifacts)}, {"end_time", end},
		{"entry_point_name", "''"}, {"experiment_id", quote(experiment)}, {"lifecycle_stage", "active"},
		{"run_id", quote(id)}, {"run_name", quote(r.Name)}, {"run_uuid", quote(id)}, {"source_name", "''"},
		{"source_type", "4"}, {"source_version", "''"}, {"start_time", strconv.FormatInt(r.Start.UnixMilli(), 10)},
		{"status", strconv.Itoa(int(r.Status))}, {"tags", "[]"}, {"user_id", "''"}}); err != nil {
		return err
	}
	tags := map[string]string{"mlflow.runName": r.Name, "mlflow.source.name": "fovea", "mlflow.source.type": "LOCAL"}
	for name, value := range r.Tags {
		tags[name] = value
	}
	for folder, values := range map[string]map[string]string{"params": r.Params, "tags": tags} {
		for name, value := range values {
			text := []rune(strings.Join(strings.Fields(value), " "))
			if err := writeText(filepath.Join(dir, folder, name), string(text[:min(len(text), mostText)])); err != nil {
				return err
			}
		}
	}
	for name, points := range r.Metrics {
		var lines strings.Builder
		for _, p := range points {
			if !math.IsNaN(p.Value) {
				fmt.Fprintf(&lines, "%d %v %d\n", p.Time.UnixMilli(), p.Value, p.Step)
			}
		}
		if lines.Len() == 0 {
			continue
		}
		if err := writeText(filepath.Join(dir, "metrics", name), lines.String()); err != nil {
			return err
		}
	}
	return nil
}

// number returns an experiment's number, which follows from its name and has 18 digits, as MLflow's own.
func number(name string) string {
	sum := sha256.Sum256([]byte(name))
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(17), nil)
	rest := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), most)
	return rest.Add(rest, most).String()
}

// address returns a folder as a URL of scheme file.
func address(folder string) (string, error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // a drive of Windows
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String(), nil
}

// quote returns a text for YAML in double quotes, whose escapes are those of JSON.
func quote(text string) string { return strconv.QuoteToASCII(text) }

func writeYAML(path string, fields [][2]string) error {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f[0] + ": " + f[1] + "\n")
	}
	return writeText(path, b.String())
}

func writeText(path, text string) error { return os.WriteFile(path, []byte(text), 0o644) }
