package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// An Outcome is what one framework reached on the test images of one data set.
type Outcome struct {
	Dataset   string
	Framework string
	Run       string             // name of a run of ours; "" for others' results
	Metrics   map[string]float64 // by column name; an unknown metric is missing
	BestEpoch int                // the one that was tested, counted from 1; 0: not known
	Duration  time.Duration      // 0: not known
	Failure   string             // why there are no metrics; "": it did not fail
}

// A Comparison is a table of outcomes, one a row.
type Comparison []Outcome

// Compare puts the outcomes of our runs together by data set, in the order in which these first occur, and others'
// outcomes on the same data set after them. Others' data sets are matched with the data set of a run or its name,
// without regard to case; those that no run matches are left out.
func Compare(ours, others []Outcome) Comparison {
	var out Comparison
	placed := make([]bool, len(ours))
	for i, first := range ours {
		if placed[i] {
			continue
		}
		group := len(out)
		for j := i; j < len(ours); j++ {
			if strings.EqualFold(ours[j].Dataset, first.Dataset) {
				out, placed[j] = append(out, ours[j]), true
			}
		}
		runs := out[group:]
		for _, other := range others {
			for _, r := range runs {
				if strings.EqualFold(other.Dataset, r.Dataset) || strings.EqualFold(other.Dataset, r.Run) {
					out = append(out, other)
					break
				}
			}
		}
	}
	return out
}

// comparedMetrics lists the metrics of the text and Markdown tables.
var comparedMetrics = []string{"accuracy", "f1", "roc_auc", "kappa", "quadratic_kappa"}

func comparisonHeader() []string {
	return append(append([]string{"data set", "framework", "run", "best epoch"}, comparedMetrics...), "time")
}

// cells returns the row of the outcome in text and Markdown tables.
func (o Outcome) cells() []string {
	row := []string{o.Dataset, o.Framework, o.Run, blankIfZero(o.BestEpoch)}
	for _, name := range comparedMetrics {
		cell := ""
		if v, known := o.metric(name); known {
			cell = fmt.Sprintf("%.4f", v)
		}
		row = append(row, cell)
	}
	last := ""
	switch {
	case o.Failure != "":
		last = "failed"
	case o.Duration > 0:
		last = o.Duration.Round(time.Second).String()
	}
	return append(row, last)
}

func (o Outcome) metric(name string) (v float64, known bool) {
	v, known = o.Metrics[name]
	return v, known && !math.IsNaN(v)
}

func blankIfZero(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// WriteText writes the table for a terminal.
func (c Comparison) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, strings.Join(comparisonHeader(), "\t")+"\t")
	for _, o := range c {
		fmt.Fprintln(t, strings.Join(o.cells(), "\t")+"\t")
	}
	return t.Flush()
}

// WriteMarkdown writes the table for a report, and below it why runs failed.
func (c Comparison) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	line := func(cells []string) {
		for _, cell := range cells {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	header := comparisonHeader()
	line(header)
	b.WriteString(strings.Repeat("|---", 3) + strings.Repeat("|---:", len(header)-3) + "|\n")
	for _, o := range c {
		line(o.cells())
	}
	for _, o := range c {
		if o.Failure != "" {
			fmt.Fprintf(&b, "\n%s failed: %s\n", o.Run, oneLine(o.Failure))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCSV writes every metric in full precision, a row an outcome. What is not known is left blank.
func (c Comparison) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	record := []string{"dataset", "framework", "run", "best_epoch"}
	for _, m := range columns {
		record = append(record, m.name)
	}
	out.Write(append(record, secondsColumn, "failure")) // the writer keeps its first error for Error below
	for _, o := range c {
		record = append(record[:0], o.Dataset, o.Framework, o.Run, blankIfZero(o.BestEpoch))
		for _, m := range columns {
			cell := ""
			if v, known := o.metric(m.name); known {
				cell = formatFloat(v)
			}
			record = append(record, cell)
		}
		seconds := ""
		if o.Duration > 0 {
			seconds = fmt.Sprintf("%.1f", o.Duration.Seconds())
		}
		out.Write(append(record, seconds, oneLine(o.Failure)))
	}
	out.Flush()
	return out.Error()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
