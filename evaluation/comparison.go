package evaluation

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"fovea/internal/naming"
	"fovea/internal/table"
)

// An Outcome is what one framework reached on the test images of one data set.
type Outcome struct {
	Dataset   string
	Framework string
	Run       string             // name of a run of ours; "" for others' results
	Metrics   map[string]float64 // by column name; an unknown metric is missing
	Ordered   bool               // the classes are grades, so that quadratic kappa is shown
	BestEpoch int                // the one that was tested, counted from 1; 0: not known
	Duration  time.Duration      // 0: not known
	Failure   string             // why there are no metrics; "": it did not fail
}

// A Comparison is a table of outcomes, one a row.
type Comparison []Outcome

// Compare puts the outcomes of our runs together by data set, in the order in which these first occur, and others'
// outcomes on the same data set after them. Others' data sets are matched with the data set of a run or its name,
// without regard to case; those that no run matches are left out. Their classes are those of the run.
func Compare(ours, others []Outcome) Comparison {
	var out Comparison
	for len(ours) > 0 {
		var runs, rest []Outcome
		for _, o := range ours {
			if strings.EqualFold(o.Dataset, ours[0].Dataset) {
				runs = append(runs, o)
			} else {
				rest = append(rest, o)
			}
		}
		out = append(out, runs...)
		for _, other := range others {
			if slices.ContainsFunc(runs, func(r Outcome) bool {
				return strings.EqualFold(other.Dataset, r.Dataset) || strings.EqualFold(other.Dataset, r.Run)
			}) {
				other.Ordered = slices.ContainsFunc(runs, func(r Outcome) bool { return r.Ordered })
				out = append(out, other)
			}
		}
		ours = rest
	}
	return out
}

// comparedMetrics lists the metrics of the text and Markdown tables.
var comparedMetrics = []string{"accuracy", "f1", "roc_auc", "kappa", "quadratic_kappa"}

func comparisonHeader() []string {
	return append(append([]string{"data set", "framework", "run", "best epoch"}, comparedMetrics...), "time")
}

// cells returns the beginning of the outcome's row in a table with some metrics. What is not known is blank.
func (o Outcome) cells(metrics []string, format func(float64) string) []string {
	row := []string{o.Dataset, o.Framework, o.Run, ""}
	if o.BestEpoch != 0 {
		row[3] = strconv.Itoa(o.BestEpoch)
	}
	for _, name := range metrics {
		cell := ""
		if v, known := o.metric(name); known {
			cell = format(v)
		}
		row = append(row, cell)
	}
	return row
}

// row returns the row of the outcome in text and Markdown tables.
func (o Outcome) row() []string {
	row := o.cells(comparedMetrics, func(v float64) string { return fmt.Sprintf("%.4f", v) })
	if i := slices.Index(comparedMetrics, "quadratic_kappa"); !o.Ordered && row[4+i] != "" {
		row[4+i] = "-"
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

// WriteText writes the table for a terminal.
func (c Comparison) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, strings.Join(comparisonHeader(), "\t")+"\t")
	for _, o := range c {
		row := o.row()
		for i, cell := range row {
			row[i] = naming.Visible(cell)
		}
		fmt.Fprintln(t, strings.Join(row, "\t")+"\t")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return c.writeNote(w)
}

// writeNote says why rows have no quadratic kappa.
func (c Comparison) writeNote(w io.Writer) error {
	if !slices.ContainsFunc(c, func(o Outcome) bool { _, known := o.metric("quadratic_kappa"); return known && !o.Ordered }) {
		return nil
	}
	_, err := fmt.Fprintln(w, "Quadratic kappa is for grades: where there is a dash, the classes are not ordered.")
	return err
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
		line(o.row())
	}
	var note strings.Builder
	if c.writeNote(&note); note.Len() > 0 {
		b.WriteString("\n" + note.String())
	}
	for _, o := range c {
		if o.Failure != "" {
			fmt.Fprintf(&b, "\n%s failed: %s\n", oneLine(o.Run), oneLine(strings.Join(strings.Fields(o.Failure), " ")))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCSV writes every metric in full precision, a row an outcome. What is not known is left blank.
func (c Comparison) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	record := slices.Concat([]string{"dataset", "framework", "run", "best_epoch"}, columnNames())
	out.Write(append(record, secondsColumn, "failure")) // the writer keeps its first error for Error below
	for _, o := range c {
		record = o.cells(columnNames(), formatFloat)
		seconds := ""
		if o.Duration > 0 {
			seconds = fmt.Sprintf("%.1f", o.Duration.Seconds())
		}
		for i, text := range record[:3] {
			record[i] = table.Escape(text)
		}
		out.Write(append(record, seconds, table.Escape(strings.Join(strings.Fields(o.Failure), " "))))
	}
	out.Flush()
	return out.Error()
}

// oneLine returns a name for a table that people read.
func oneLine(s string) string { return naming.Visible(strings.TrimSpace(s)) }
