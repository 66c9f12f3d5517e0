package inference

import (
	"slices"

	"fovea/evaluation"
)

// Meaning returns how the classes of a model are to be read: as its run, the file beside it or the user says, and else
// by their names. Its order may be another than that of the output.
func (d *Description) Meaning() (evaluation.Meaning, error) {
	said := evaluation.Said{Order: d.Grades, Positive: d.Positive}
	if d.Ordered != nil {
		said.Ordered = map[bool]string{true: "yes", false: "no"}[*d.Ordered]
	}
	return evaluation.MeaningOf(d.Classes, said)
}

// SetMeaning makes the description say how its classes are to be read.
func (d *Description) SetMeaning(m evaluation.Meaning) {
	d.Ordered, d.Positive, d.Grades = &m.Ordered, "", nil
	switch {
	case len(m.Classes) == 2:
		d.Positive = m.Classes[1]
	case m.Ordered:
		d.Grades = slices.Clone(m.Classes)
	}
}
