package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fovea/internal/durable"
	"fovea/onnx/ort/install"
)

// sections, by number from 1.
var sections = []struct {
	title    string
	criteria string
	do       func(context.Context, *section) error
}{
	{"Environment", "the provider computes", environment},
	{"Placement", "every node on CUDA, no copies between devices, capture as a CUDA graph admitted", placement},
	{"Gradients", "for every parameter within the limits that are stated with each row", gradients},
	{"Optimizer", "20 steps: the kernels equal the CPU to the bit, optimizer.onnx to 2e-6 of the largest entry", optimizers},
	{"CUDA graphs", "the same losses with replayed and with plain steps, while paths are dropped at random: to the bit, or as close as two equal runs lie", cudaGraphs},
	{"Loss curve", "losses of PyTorch from the same weights on the same batches, within the limits that are stated with each row", lossCurve},
	{"Resume", "an interrupted run ends as one that was not: to the bit, or as close as two equal runs lie", resume},
	{"Out of memory", "the error names a batch that fits, and a run at that batch follows in the same process", outOfMemory},
	{"Ctrl-C", "exit code 130 in the middle of an epoch, a checkpoint, and a run that goes on from it", interrupt},
	{"Throughput and memory", "figures; none decides", throughput},
	{"End to end", "figures; none decides", endToEnd},
	{"Profile", "figures; none decides", profile},
}

// Verdicts of a section.
const (
	pass    = "pass"
	fail    = "fail"
	skipped = "skipped"
)

// result is what a section found.
type result struct {
	Number   int      `json:"number"`
	Title    string   `json:"title"`
	Criteria string   `json:"criteria"`
	Verdict  string   `json:"verdict"`
	Reason   string   `json:"reason,omitempty"` // of what was not passed
	Seconds  float64  `json:"seconds"`
	Date     string   `json:"date"`
	Scale    string   `json:"scale"`
	Command  string   `json:"command"`
	Tables   []table  `json:"tables,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Log      string   `json:"log,omitempty"` // the end of it, of a failure
}

// table is one of figures, as text.
type table struct {
	Title  string     `json:"title,omitempty"`
	Header []string   `json:"header"`
	Rows   [][]string `json:"rows"`
}

// section is one under way. What it finds is written as it comes, so that
// nothing is lost if it does not end.
type section struct {
	*settings
	result
	folder string // for files of its own, removed at the end
	file   string // of the result
	start  time.Time

	failures int
}

// skip is the error of a section that cannot run here.
type skip string

func (s skip) Error() string { return string(s) }

// row adds a row to the last table.
func (s *section) row(cells ...string) {
	t := &s.Tables[len(s.Tables)-1]
	t.Rows = append(t.Rows, cells)
	s.progress("%s", strings.Join(cells, " | "))
	s.save()
}

func (s *section) table(title string, header ...string) {
	s.Tables = append(s.Tables, table{Title: title, Header: header})
}

func (s *section) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
	s.progress(format, args...)
	s.save()
}

// require makes the section fail unless ok.
func (s *section) require(ok bool, format string, args ...any) {
	if ok {
		return
	}
	s.Verdict = fail
	s.progress("FAILED: "+format, args...)
	if s.failures++; s.failures <= 3 {
		s.Reason = strings.TrimPrefix(s.Reason+"; "+firstLine(fmt.Sprintf(format, args...)), "; ")
	} else {
		s.Reason = strings.TrimSuffix(s.Reason, ellipsis) + ellipsis
	}
	s.save()
}

const ellipsis = "; and more"

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

func (s *section) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1f s  %d %s: %s\n", time.Since(s.start).Seconds(), s.Number, strings.ToLower(s.Title), fmt.Sprintf(format, args...))
}

func (s *section) save() {
	s.Seconds = time.Since(s.start).Seconds()
	if err := writeJSON(s.file, s.result); err != nil {
		s.progress("the result could not be written: %v", err)
	}
}

func writeJSON(path string, x any) error {
	return durable.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(x)
	})
}

const sectionCommand = "section"

// ownFiles is the pattern of folders of sections.
const ownFiles = ".files-*"

// runSection runs one in this process: args are the settings' file and its number.
func runSection(ctx context.Context, args []string) error {
	s := &section{settings: new(settings), start: time.Now()}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, s.settings); err != nil {
		return err
	}
	if s.Number, err = strconv.Atoi(args[1]); err != nil {
		return err
	}
	s.begin()
	slog.SetDefault(slog.New(&warnings{Handler: slog.NewTextHandler(os.Stderr, nil), to: s}))
	if s.folder, err = os.MkdirTemp(s.Out, ownFiles); err != nil {
		return err
	}
	defer os.RemoveAll(s.folder)
	if s.Number > 1 { // the first tells what is wrong with it
		_, err = install.Load(ctx, s.source()) // or the first CPU session would choose the library
	}
	if err == nil {
		err = sections[s.Number-1].do(ctx, s)
	}
	var why skip
	switch {
	case errors.As(err, &why) && s.Verdict == "":
		s.Verdict, s.Reason = skipped, string(why)
	case err != nil:
		s.require(false, "%v", err)
	case s.Verdict == "":
		s.Verdict = pass
	}
	s.save()
	return nil
}

func (s *section) begin() {
	about := sections[s.Number-1]
	s.Title, s.Criteria, s.Scale, s.Command = about.title, about.criteria, s.Preset, s.Line
	s.Date = s.start.UTC().Format("2006-01-02")
	s.file = s.resultFile(s.Number)
}

// resultFile is where the result of a section is kept: parts of section 10 side by side.
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

// inProcess runs a section in a process of its own and returns its result,
// whatever becomes of that.
func (s *settings) inProcess(ctx context.Context, file string, number int) (*result, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()
	log := &tail{}
	c := exec.CommandContext(ctx, self, sectionCommand, file, strconv.Itoa(number))
	c.Stdout, c.Stderr = os.Stderr, io.MultiWriter(os.Stderr, log)
	if number == profileNumber {
		c.Env = append(os.Environ(), "CUDA_LAUNCH_BLOCKING=1") // a launch lasts as long as its kernel
	}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 20 * time.Second
	start := time.Now()
	os.Remove(s.resultFile(number))
	failed := c.Run()
	if left, err := filepath.Glob(filepath.Join(s.Out, ownFiles)); err == nil { // of a crash
		for _, folder := range left {
			os.RemoveAll(folder)
		}
	}
	r := new(result)
	text, err := os.ReadFile(s.resultFile(number))
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	if err != nil { // it died before it wrote anything
		x := &section{settings: s, result: result{Number: number}, start: start}
		x.begin()
		r = &x.result
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
		r.Log = log.String()
	}
	return r, writeJSON(s.resultFile(number), r)
}

// source is where ONNX Runtime comes from, as for a learner.
func (s *settings) source() install.Source { return install.Source{Provider: s.Provider} }
