package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fovea/evaluation"
	"fovea/internal/durable"
	"fovea/tools/worker"
)

// verify runs the sections one after another and writes the report after each.
func verify(ctx context.Context, s *settings) error {
	var failed []string
	var results []*result
	for i, x := range sections {
		number := i + 1
		if len(s.Only) > 0 && !slices.Contains(s.Only, number) {
			continue
		}
		fmt.Fprintf(os.Stderr, "\n%s %2d %s\n", time.Now().Format(time.TimeOnly), number, x.title)
		r, err := s.inProcess(ctx, number)
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, time.Now().Format(time.TimeOnly), r)
		if r.Verdict == fail {
			failed = append(failed, fmt.Sprintf("%d %s", number, x.title))
		}
		if results, err = s.results(); err != nil {
			return err
		}
		if err := s.report(results); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, r := range results {
		fmt.Println(r)
	}
	fmt.Println("report:", filepath.Join(s.Out, "verify.md"))
	if failed != nil {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// inProcess runs a section in a process of its own and returns its result, whatever becomes of the process.
func (s *settings) inProcess(ctx context.Context, number int) (*result, error) {
	start := time.Now()
	r := &result{Number: number, Title: sections[number-1].title, Criteria: sections[number-1].criteria,
		Date: start.UTC().Format(time.DateOnly), Scale: s.Preset,
		Command: strings.Join(append([]string{"gpu", "verify"}, s.args...), " ")}
	if err := s.write(r); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(s.Out, ".files-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	ctx, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()
	args := append([]string{sectionCommand, strconv.Itoa(number), folder}, s.args...)
	c := exec.CommandContext(ctx, self, args...)
	var log bytes.Buffer
	c.Stdout, c.Stderr = os.Stderr, io.MultiWriter(os.Stderr, &log)
	if number == profileNumber {
		c.Env = append(os.Environ(), "CUDA_LAUNCH_BLOCKING=1") // a launch lasts as long as its kernel
	}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 20 * time.Second
	failed := c.Run()
	if r, err = readResult(s.resultFile(number)); err != nil {
		return nil, err
	}
	if failed == nil && r.Verdict == "" {
		failed = errors.New("it ended without a verdict")
	}
	if failed != nil {
		r.Verdict, r.Reason = fail, strings.TrimPrefix(r.Reason+"; the process: "+failed.Error(), "; ")
		r.Seconds = time.Since(start).Seconds()
		if ctx.Err() == context.DeadlineExceeded {
			r.Reason += fmt.Sprintf(" after %v (-limit)", s.Limit)
		}
	}
	if r.Verdict == fail {
		r.Log = worker.Tail(log.String())
	}
	return r, s.write(r)
}

// A result holds the findings of a section.
type result struct {
	Number   int      `json:"number"`
	Title    string   `json:"title"`
	Criteria string   `json:"criteria"`
	Verdict  string   `json:"verdict"`
	Reason   string   `json:"reason,omitempty"` // unless passed
	Seconds  float64  `json:"seconds"`
	Date     string   `json:"date"`
	Scale    string   `json:"scale"`
	Command  string   `json:"command"`
	Tables   []table  `json:"tables,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Log      string   `json:"log,omitempty"` // the end of it, if failed
}

// String returns a line without the tables and notes.
func (r *result) String() string {
	return fmt.Sprintf("%2d %-22s %-8s %7.1f s  %s", r.Number, r.Title, r.Verdict, r.Seconds, r.Reason)
}

// A table holds figures as text.
type table struct {
	Title  string     `json:"title,omitempty"`
	Header []string   `json:"header"`
	Rows   [][]string `json:"rows"`
}

// resultFile returns the path of a section's result. Parts of section 10 have files of their own.
func (s *settings) resultFile(number int) string {
	part := ""
	if number == throughputNumber {
		for _, b := range s.Sizes.Batches {
			part += fmt.Sprintf("-%d", b)
		}
		part += "-" + strings.Join(s.Sizes.Raced, "-")
	}
	return filepath.Join(s.Out, "sections", fmt.Sprintf("%02d%s.json", number, part))
}

func (s *settings) write(r *result) error { return writeJSON(s.resultFile(r.Number), r) }

func writeJSON(path string, x any) error {
	return durable.Write(path, func(w io.Writer) error { return evaluation.WriteJSON(w, x) })
}

func readResult(path string) (*result, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// results reads the results of this call and of earlier ones.
func (s *settings) results() (list []*result, err error) {
	files, err := filepath.Glob(filepath.Join(s.Out, "sections", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, f := range files { // Glob sorts them
		r, err := readResult(f)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}
