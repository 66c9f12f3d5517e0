package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"fovea/internal/naming"
	"fovea/internal/progress"
)

// plainInterval is the least time between two lines of progress where no bar can be drawn. A shorter task shows none.
const plainInterval = 10 * time.Second

// A console writes to standard error: lines of the log and, below them, the progress of the task under way. Progress is
// a bar on a terminal and a line now and then elsewhere.
type console struct {
	mu       sync.Mutex // guards all below
	out      io.Writer
	terminal bool
	coloured bool             // warnings and errors
	quiet    bool             // shows no progress
	now      func() time.Time // tests set it

	current progress.Update // the task under way; Task is "" if there is none
	first   int             // current.Done at the start of the task
	started time.Time
	printed time.Time                // time of the last plain line, or the start of the task
	bar     *progressbar.ProgressBar // nil unless out is a terminal
	drawn   bool                     // whether the bar stands on the terminal's last line
}

func newConsole(out io.Writer) *console {
	c := &console{out: out, now: time.Now}
	c.terminal = isTerminal(out) && os.Getenv("TERM") != "dumb"
	c.coloured = c.terminal && os.Getenv("NO_COLOR") == "" // https://no-color.org
	return c
}

// hideProgress ends the progress, and nothing else.
func (c *console) hideProgress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = true
}

func isTerminal(out any) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// silence ends all output but that of standard output.
func (c *console) silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out, c.terminal = io.Discard, false
}

// Write writes whole lines above the bar.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	out := c.out
	c.mu.Unlock()
	if c.coloured {
		return len(p), c.writeColoured(out, p)
	}
	return (&naming.VisibleWriter{Out: aboveBar{c, out}}).Write(p)
}

var important = regexp.MustCompile(`^(\d\d:\d\d:\d\d )?(warning|error|interrupted): `)

// writeColoured writes a text whose first word may say how much it matters: errors are red and warnings are yellow.
func (c *console) writeColoured(out io.Writer, p []byte) error {
	var text bytes.Buffer
	(&naming.VisibleWriter{Out: &text}).Write(p)
	line := text.String()
	if m := important.FindStringSubmatchIndex(line); m != nil {
		colour := "31"
		if strings.HasPrefix(line[m[4]:], "warning") {
			colour = "33"
		}
		line = line[:m[4]] + "\033[" + colour + "m" + line[m[4]:m[5]] + "\033[0m" + line[m[5]:]
	}
	_, err := io.WriteString(aboveBar{c, out}, line)
	return err
}

// An aboveBar writes to out, which may be the console's terminal, after it has taken the bar away.
type aboveBar struct {
	console *console
	out     io.Writer
}

func (w aboveBar) Write(p []byte) (int, error) {
	w.console.mu.Lock()
	defer w.console.mu.Unlock()
	w.console.clear() // the next update draws the bar again
	return w.out.Write(p)
}

// fail writes an error behind a prefix.
func (c *console) fail(prefix string, err error) {
	c.line(prefix + naming.Shorten(naming.ErrorText(err)))
}

// printf writes a line for people to standard output. Names among args cannot end it.
func (a *app) printf(format string, args ...any) {
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			args[i] = naming.Visible(v)
		case fmt.Stringer:
			args[i] = naming.Visible(v.String())
		}
	}
	fmt.Fprintf(a.text, format, args...)
}

// line writes text and a line's end above the bar.
func (c *console) line(text string) { fmt.Fprintln(c, text) }

// update shows how far a task has come. A task ends when all is done, when another begins, or with close.
func (c *console) update(u progress.Update) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quiet {
		return
	}
	grows := c.terminal && (u.Whole == "") != (c.current.Whole == "") // the bar needs another form
	if u.Task != c.current.Task || grows || u.Total != c.current.Total || u.Done < c.current.Done {
		c.end()
		c.begin(u)
	}
	c.current = u
	finished := u.Total > 0 && u.Done >= u.Total
	if c.terminal {
		c.bar.Describe(describe(u))
		c.bar.Set(u.Done)
		c.drawn = true
	} else if c.now().Sub(c.printed) >= plainInterval || finished && c.printed.After(c.started) {
		c.printed = c.now()
		fmt.Fprintln(c.out, c.plain(u))
	}
	if finished {
		c.end()
	}
}

// close takes away a bar that has not reached its end.
func (c *console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

func (c *console) begin(u progress.Update) {
	c.first, c.started = u.Done, c.now()
	c.printed = c.started
	if !c.terminal {
		return
	}
	total := u.Total
	if total <= 0 {
		total = -1 // a spinner
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(c.out),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // otherwise a goroutine draws it, for ever
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionFullWidth(),
	}
	if width, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && width < 100 && u.Whole != "" {
		options = append(options, progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	} else {
		options = append(options, progressbar.OptionShowCount())
	}
	if u.Unit == "bytes" {
		options = append(options, progressbar.OptionShowBytes(true))
	} else {
		options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString(u.Unit))
	}
	c.bar = progressbar.NewOptions(total, options...)
}

func (c *console) end() {
	c.clear()
	if c.bar != nil {
		c.bar.Exit()
		c.bar = nil
	}
	c.current = progress.Update{}
}

// clear takes the bar away, and nothing else that was written to the same line.
func (c *console) clear() {
	if c.drawn {
		c.bar.Clear()
		c.drawn = false
	}
}

func describe(u progress.Update) string {
	text := u.Task
	for _, more := range []string{u.Detail, u.Whole} {
		if more != "" {
			text += ", " + more
		}
	}
	return naming.Visible(text)
}

// plain returns a line, for example "epoch 3/60, loss 1.09: 512 of 1080 images, 85 images/s, 7s left".
func (c *console) plain(u progress.Update) string {
	amount := func(n int) string { return fmt.Sprint(n) }
	unit := u.Unit
	if unit == "bytes" {
		amount, unit = func(n int) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }, "MB"
	}
	parts := []string{amount(u.Done) + " " + unit}
	if u.Total > 0 {
		parts[0] = amount(u.Done) + " of " + amount(u.Total) + " " + unit
	}
	elapsed := c.now().Sub(c.started)
	if rate := float64(u.Done-c.first) / elapsed.Seconds(); elapsed > 0 && rate > 0 {
		left := time.Duration(float64(u.Total-u.Done) / rate * float64(time.Second)).Round(time.Second)
		if unit == "MB" {
			rate /= 1e6
		}
		digits := 0
		if rate < 10 {
			digits = 1
		}
		parts = append(parts, fmt.Sprintf("%.*f %s/s", digits, rate, unit))
		if u.Total > u.Done {
			parts = append(parts, left.String()+" left")
		}
	}
	return describe(u) + ": " + strings.Join(parts, ", ")
}
