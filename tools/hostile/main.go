//go:build linux

// Command hostile makes damaged and oversized files for every reader of trainer, always the same ones, and runs trainer
// over each in a process that may use 10 s of processor time and 4 GB of addresses. It prints a table of what happened.
//
//	go build -o /tmp/trainer ./cmd/trainer && go run ./tools/hostile -trainer /tmp/trainer
//
// Run it in the root of the repository. Ctrl-C ends it with the table of what ran. The exit code is 1 if a process ended
// by a signal or a panic, used more than 1 GiB, or said more than a message may.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	trainer := flag.String("trainer", "", "the program")
	only := flag.String("only", "", "a pattern of the READER/NAME to run")
	skip := flag.String("skip", "^$", "a pattern of the READER/NAME to leave out")
	keep := flag.String("keep", "", "a folder that keeps the files of failures")
	verbose := flag.Bool("v", false, "print the end of each message")
	isRunner := flag.Bool("runner", false, "run what standard input names; for the program itself")
	flag.Parse()
	if *isRunner {
		serve(os.Stdin, os.Stdout)
		return
	}
	if err := run(*trainer, *only, *skip, *keep, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

// A tally counts what happened to the inputs of a reader.
type tally struct {
	ok, refused, killed, large, slow, loud int
	seconds                                float64
	resident                               int64
}

func run(trainer, only, skip, keep string, verbose bool) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	unwanted, err := regexp.Compile(skip)
	if err != nil {
		return err
	}
	if trainer, err = filepath.Abs(trainer); err != nil {
		return err
	}
	r, err := startRunner()
	if err != nil {
		return err
	}
	defer r.stop()
	folder, err := os.MkdirTemp("", "hostile-run-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	// The run lacks the file that it would have written last, so it can be resumed.
	if out, err := exec.Command(trainer, runArguments(folder)...).CombinedOutput(); err != nil {
		return fmt.Errorf("the run to damage: %w\n%s", err, out)
	}
	unfinished := filepath.Join(folder, "retinamnist")
	if err := os.Remove(filepath.Join(unfinished, "metrics_test.csv")); err != nil {
		return err
	}
	inputs, err := generate(".", unfinished)
	if err != nil {
		return err
	}
	fmt.Println(len(inputs), "inputs")
	// In an order of chance, so that a part of them is over all readers.
	rand.New(rand.NewPCG(1, 0)).Shuffle(len(inputs), func(i, j int) { inputs[i], inputs[j] = inputs[j], inputs[i] })
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	tallies := map[string]*tally{}
	failed := 0
	for _, in := range inputs {
		if ctx.Err() != nil {
			break
		}
		name := in.reader + "/" + in.name
		if !wanted.MatchString(name) || unwanted.MatchString(name) {
			continue
		}
		t := tallies[in.reader]
		if t == nil {
			t = &tally{}
			tallies[in.reader] = t
		}
		bad, message, err := t.run(r, trainer, in, keep)
		if err != nil {
			return err
		}
		if bad != "" {
			failed++
		}
		if bad != "" || verbose {
			fmt.Printf("%s: %s: %s\n", name, bad, message)
		}
	}
	fmt.Printf("%-12s %6s %6s %6s %6s %8s %8s %8s %10s %8s\n", "reader", "files", "ok", "error", "killed", "> 1 GiB", "> 10 s",
		"too long", "most MiB", "most s")
	var all tally
	row := func(name string, t *tally) {
		fmt.Printf("%-12s %6d %6d %6d %6d %8d %8d %8d %10d %8.1f\n", name, t.ok+t.refused+t.killed, t.ok, t.refused, t.killed,
			t.large, t.slow, t.loud, t.resident>>10, t.seconds)
	}
	for _, reader := range slices.Sorted(maps.Keys(tallies)) {
		t := tallies[reader]
		row(reader, t)
		all = tally{all.ok + t.ok, all.refused + t.refused, all.killed + t.killed, all.large + t.large, all.slow + t.slow,
			all.loud + t.loud, max(all.seconds, t.seconds), max(all.resident, t.resident)}
	}
	row("all", &all)
	if failed > 0 {
		return fmt.Errorf("%d inputs failed", failed)
	}
	return nil
}

// run runs the program over an input. It returns what was wrong, "" if nothing was, and the end of its message.
func (t *tally) run(r *runner, trainer string, in input, keep string) (bad, message string, err error) {
	dir, err := os.MkdirTemp("", "hostile-*")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(dir)
	if err := in.write(dir); err != nil {
		return "", "", err
	}
	done, err := r.run(command{Args: append([]string{trainer}, in.arguments(dir)...), Stdin: in.stdin, Dir: dir})
	if err != nil {
		return "", "", err
	}
	text := done.Stderr
	var wrong []string
	switch {
	case done.Killed:
		t.killed++
		wrong = append(wrong, "killed: "+done.State)
	case done.State == "exit status 0":
		t.ok++
	default:
		t.refused++
	}
	if done.Resident > maxResident {
		t.large++
		wrong = append(wrong, fmt.Sprintf("%d MiB", done.Resident>>10))
	}
	if done.Seconds > maxSeconds {
		t.slow++
		wrong = append(wrong, fmt.Sprintf("%.1f s", done.Seconds))
	}
	if longest(text) > 1500 || len(text) > maxMessage {
		t.loud++
		wrong = append(wrong, fmt.Sprintf("a message of %d bytes", len(text)))
	}
	t.seconds, t.resident = max(t.seconds, done.Seconds), max(t.resident, done.Resident)
	if len(wrong) > 0 && keep != "" {
		to := filepath.Join(keep, in.reader+"-"+in.name)
		os.RemoveAll(to)
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if i := strings.Index(text, "goroutine "); i > 0 {
		text = text[:min(len(text), i+1500)]
	}
	return strings.Join(wrong, ", "), text[max(0, len(text)-1500):], nil
}

// longest returns the number of bytes of the longest line.
func longest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, len([]rune(line)))
	}
	return n
}
