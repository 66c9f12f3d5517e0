package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"fovea/evaluation/checklist"
	"fovea/internal/durable"
	"fovea/training/account"
)

func reportCommand(a *app) *command {
	var run, name, out string
	format := "md"
	return &command{
		name:     "report",
		summary:  "fill a reporting checklist from a run",
		synopsis: []string{"trainer report -run DIR -checklist NAME [flags]"},
		text: `
Fills a published reporting checklist from the folder of a run, for the supplement of a paper. Each item has a number,
a subject, an answer and the files and config keys that the answer comes from. What the folder does not tell is marked
"Not in the run", and what only the author can say "For the author". Nothing is guessed.

  tripod-ai   TRIPOD+AI, 2024: development and evaluation of a
              prediction model
  claim       CLAIM, update of 2024: AI in medical imaging
  stard       STARD 2015: accuracy of a diagnostic test
  stard-ai    STARD-AI, 2025: the same for a test that is an AI
`,
		flags: []flagEntry{
			{&run, "run", "DIR", "folder of the run, output.dir/name of its config"},
			{&name, "checklist", "NAME", strings.Join(checklist.Names(), ", ")},
			{&format, "format", "md|csv", "Markdown, or CSV with a column that says who answers an item"},
			{&out, "out", "FILE", "write to FILE instead of standard output"},
		},
		notes: `
The subjects of the items are in the words of Fovea. Submit the published wording, which the first lines cite.
`,
		examples: `
trainer report -run runs/octid -checklist tripod-ai -out tripod-ai.md
trainer report -run runs/octid -checklist claim -format csv > claim.csv
`,
		required: []string{"run", "checklist"},
		run: func(_ context.Context, _ []string) error {
			list := checklist.Find(name)
			if list == nil {
				return badUsage("%w", suggest(fmt.Errorf("-checklist %.100q: it must be one of %s", name,
					strings.Join(checklist.Names(), ", ")), name, checklist.Names()))
			}
			if format != "md" && format != "csv" {
				return badUsage("-format %.100q: it must be md or csv", format)
			}
			facts, err := account.Facts(run)
			if err != nil {
				return err
			}
			answers := list.Fill(facts)
			write := func(w io.Writer) error {
				if format == "csv" {
					return checklist.WriteCSV(w, answers)
				}
				return list.WriteMarkdown(w, run, answers)
			}
			if out == "" {
				return write(a.stdout)
			}
			a.console.line(checklist.Summary(answers))
			return durable.Write(out, write)
		},
	}
}
