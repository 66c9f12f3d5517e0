package checklist

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"fovea/internal/table"
)

// plain keeps names that a user chose from being read as Markdown.
var plain = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "`", "\\`", "\r", " ", "\n", " ").Replace

// longText is the length from which a text stands once in a table; further items refer to it.
const longText = 120

// WriteMarkdown writes answers as a table for the supplement of a paper. of names what they are about. A long answer
// stands at the first item that it belongs to.
func (c *Checklist) WriteMarkdown(w io.Writer, of string, answers []Answer) error {
	out := bufio.NewWriter(w) // keeps its first error for Flush
	fmt.Fprintf(out, "# %s\n\nReporting checklist of %s. Source: %s.\n\n"+
		"The subjects are in the words of Fovea: submit the published wording, and check every answer before you do.\n\n"+
		"Of %d items and sub-items %s.\n\n| item | subject | answer | where |\n|---|---|---|---|\n", c.Title, plain(of),
		c.Source,
		len(answers), Summary(answers))
	section := ""
	bold := func(s string) string { return "**" + s + "**" }
	first := map[Topic]string{} // the item that has a text
	for _, a := range answers {
		if a.Section != section {
			section = a.Section
			fmt.Fprintf(out, "| | %s | | |\n", bold(section))
		}
		a.Parts = slices.Clone(a.Parts)
		for i, p := range a.Parts {
			switch at := first[p.Topic]; {
			case at == "":
				first[p.Topic] = a.Number
			case len(p.Text) > longText:
				name := string(p.Topic)
				a.Parts[i].Text = fmt.Sprintf("%s: see item %s.", strings.ToUpper(name[:1])+name[1:], at)
			}
		}
		var where []string
		for _, w := range a.Where() {
			where = append(where, "`"+w+"`")
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", a.Number, a.Subject, a.text(plain, bold), strings.Join(where, ", "))
	}
	return out.Flush()
}

// WriteCSV writes answers as a table with a status column. Each answer is complete.
func WriteCSV(w io.Writer, answers []Answer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"item", "section", "subject", "status", "answer", "where"}) // the writer keeps its first error
	same := func(s string) string { return s }
	for _, a := range answers {
		out.Write([]string{a.Number, a.Section, a.Subject, string(a.Status), table.Escape(a.text(same, same)),
			strings.Join(a.Where(),
				", ")})
	}
	out.Flush()
	return out.Error()
}

// text returns the answer in words. emphasis marks what is not a fact.
func (a *Answer) text(escape, emphasis func(string) string) string {
	var known, lacks []string
	if a.Status == NotApplicable {
		known = []string{emphasis("Not applicable:")}
	}
	for _, p := range a.Parts {
		if p.Text != "" {
			known = append(known, escape(p.Text))
		}
		if p.Lacks != "" && !slices.Contains(lacks, escape(p.Lacks)) {
			lacks = append(lacks, escape(p.Lacks))
		}
	}
	if lacks != nil {
		known = append(append(known, emphasis("Not in the run:")), lacks...)
	}
	if a.Author != "" && a.Status != NotApplicable {
		known = append(known, emphasis("For the author:"), escape(a.Author))
	}
	return strings.Join(known, " ")
}
