package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

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
	{"Optimizer", "20 steps: the kernels equal the CPU to the bit", optimizers},
	{"CUDA graphs", "the same losses with replayed and with plain steps, while paths are dropped at random: to the bit, " +
		"or as close as two equal runs lie", cudaGraphs},
	{"Loss curve", "losses of PyTorch from the same weights on the same batches, within the limits that are stated with " +
		"each row", lossCurve},
	{"Resume", "an interrupted run ends as one that was not: to the bit, or as close as two equal runs lie", resume},
	{"Out of memory", "the error names a batch that fits, and a run at that batch follows in the same process",
		outOfMemory},
	{"Ctrl-C", "exit code 130 in the middle of an epoch, a checkpoint, and a run that goes on from it", interrupt},
	{"Throughput and memory", "figures; none decides", throughput},
	{"End to end", "figures; none decides", endToEnd},
	{"Profile", "figures; none decides", profile},
	{"Two GPUs", "parameters and state of a run on one GPU: to the bit, or as close as two equal runs lie", twoGPUs},
}

// Numbers of the sections that the frame treats apart.
const (
	throughputNumber = 10 // several calls may measure its parts
	profileNumber    = 12
)

// Verdicts of a section.
const (
	pass    = "pass"
	fail    = "fail"
	skipped = "skipped"
)

// A section runs in a process of its own. It writes its result after each finding, so that nothing is lost in a crash.
type section struct {
	*settings
	*result
	folder   string // for files of its own
	start    time.Time
	failures int
}

// A skip is the error of a section that cannot run here.
type skip string

func (s skip) Error() string { return string(s) }

// runSection runs a section in this process. The arguments are its number, a folder for its files, and those of verify.
func runSection(ctx context.Context, args []string) error {
	s := &section{folder: args[1], start: time.Now()}
	number, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if s.settings, err = parse(args[2:]); err != nil {
		return err
	}
	if s.result, err = readResult(s.resultFile(number)); err != nil {
		return err
	}
	s.logWarnings()
	if number > 1 { // the first tells what is wrong with the library
		_, err = install.Load(ctx, s.source()) // or the first CPU session would choose the library
	}
	if err == nil {
		err = sections[number-1].do(ctx, s)
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

// table begins a table, to which row adds.
func (s *section) table(title string, header ...string) {
	s.Tables = append(s.Tables, table{Title: title, Header: header})
}

func (s *section) row(cells ...string) {
	t := &s.Tables[len(s.Tables)-1]
	t.Rows = append(t.Rows, cells)
	s.progress("%s", strings.Join(cells, " | "))
	s.save()
}

// judge adds a row that ends with the verdict. Unless ok, the section fails for the reason.
func (s *section) judge(ok bool, reason string, cells ...string) {
	verdict := pass
	if !ok {
		verdict = fail
	}
	s.row(append(cells, verdict)...)
	s.require(ok, "%s", reason)
}

// require makes the section fail unless ok.
func (s *section) require(ok bool, format string, args ...any) {
	if ok {
		return
	}
	reason := fmt.Sprintf(format, args...)
	s.progress("FAILED: %s", reason)
	s.Verdict = fail
	s.failures++
	switch {
	case s.failures <= 3:
		line, _, _ := strings.Cut(strings.TrimSpace(reason), "\n")
		s.Reason = strings.TrimPrefix(s.Reason+"; "+line, "; ")
	case s.failures == 4:
		s.Reason += "; and more"
	}
	s.save()
}

func (s *section) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
	s.progress(format, args...)
	s.save()
}

func (s *section) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1f s  %d %s: %s\n", time.Since(s.start).Seconds(), s.Number, strings.ToLower(s.Title),
		fmt.Sprintf(format, args...))
}

func (s *section) save() {
	s.Seconds = time.Since(s.start).Seconds()
	if err := s.write(s.result); err != nil {
		s.progress("the result could not be written: %v", err)
	}
}

// logWarnings adds the warnings of the log to the notes.
func (s *section) logWarnings() {
	level := slog.LevelWarn
	if !s.cuda() {
		level = slog.LevelError // the CPU's warnings are known: it has no half types
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(warnings{s}, &slog.HandlerOptions{Level: level})))
}

// A warnings writer is given one warning at a time.
type warnings struct{ section *section }

func (w warnings) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("from=onnxruntime")) { // what matters of these comes as an error too
		return os.Stderr.Write(line)
	}
	_, text, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" msg="))
	if warning := "Warning: " + string(text); !slices.Contains(w.section.Notes, warning) {
		w.section.note("%s", warning)
	}
	return len(line), nil
}
