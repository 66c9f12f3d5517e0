package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/durable"
)

// report writes verify.json and verify.md.
func (s *settings) report(results []*result) error {
	if err := writeJSON(filepath.Join(s.Out, "verify.json"), results); err != nil {
		return err
	}
	return durable.Write(filepath.Join(s.Out, "verify.md"), func(w io.Writer) error {
		_, err := io.WriteString(w, markdown(results))
		return err
	})
}

func markdown(results []*result) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("## What `tools/gpu verify` found\n")
	var commands []string
	for _, r := range results {
		if c := fmt.Sprintf("%s: `%s`", r.Date, r.Command); !slices.Contains(commands, c) {
			commands = append(commands, c)
		}
	}
	for _, c := range commands {
		line("- %s", c)
	}
	line("\n| | section | verdict | seconds | criterion |\n|---:|---|---|---:|---|")
	for _, r := range results {
		verdict := r.Verdict
		if r.Reason != "" {
			verdict += ": " + cell(r.Reason)
		}
		line("| %d | %s | %s | %.0f | %s |", r.Number, r.Title, verdict, r.Seconds, r.Criteria)
	}
	for _, r := range results {
		if len(r.Tables)+len(r.Notes) == 0 {
			continue
		}
		sizes := r.Scale + " sizes"
		if r.Scale == "small" {
			sizes += ", which say nothing of speed"
		}
		line("\n### %d %s (%s)", r.Number, r.Title, sizes)
		for _, t := range r.Tables {
			if t.Title != "" {
				line("\n%s", t.Title)
			}
			line("\n| %s |\n|%s", strings.Join(t.Header, " | "), strings.Repeat("---|", len(t.Header)))
			for _, row := range t.Rows {
				for i := range row {
					row[i] = cell(row[i])
				}
				line("| %s |", strings.Join(row, " | "))
			}
		}
		if len(r.Notes) > 0 {
			line("")
		}
		for _, n := range r.Notes {
			line("- %s", cell(n))
		}
	}
	for _, r := range results {
		if r.Log != "" {
			line("\n### The end of the log of %d %s\n\n```\n%s\n```", r.Number, r.Title, strings.TrimSpace(r.Log))
		}
	}
	return b.String()
}

// cell returns text for a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(text)
}
