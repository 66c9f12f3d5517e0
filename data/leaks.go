package data

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/table"
)

// A LeakKind says what the files of a [Leak] have in common.
type LeakKind string

// The kinds of leaks, in the order of [Leaks].
const (
	SamePatient LeakKind = "patient"
	SameImage   LeakKind = "identical image"
	SameOrigin  LeakKind = "nearly identical image"
)

// A Leak is a patient or an image in more than one split. It makes the results of a test look too good.
type Leak struct {
	Kind    LeakKind
	Patient string     // "" unless Kind is SamePatient
	Files   []Position // in order
}

// Leaks returns the patients, and of repeats the images, that are in more than one split. Repeats are those of [Repeats]
// and [Similar] for the same splits. Patients are known where the table of labels has the attribute "patient".
func Leaks(splits []*Split, repeats ...Repeat) []Leak {
	patients := map[string][]Position{}
	for s, split := range splits {
		for i, x := range split.Samples {
			if p := split.Attribute(x, "patient"); p != "" {
				patients[p] = append(patients[p], Position{s, i})
			}
		}
	}
	var leaks []Leak
	for _, p := range slices.Sorted(maps.Keys(patients)) {
		leaks = append(leaks, Leak{SamePatient, p, patients[p]})
	}
	for _, kind := range []LeakKind{SameImage, SameOrigin} {
		for _, r := range repeats {
			if r.Similar == (kind == SameOrigin) {
				leaks = append(leaks, Leak{Kind: kind, Files: r.Files})
			}
		}
	}
	return slices.DeleteFunc(leaks, func(l Leak) bool {
		return !slices.ContainsFunc(l.Files, func(f Position) bool { return f.Split != l.Files[0].Split })
	})
}

// A Leakage is the error about leaks between splits.
type Leakage struct {
	Splits []*Split
	Leaks  []Leak
}

// Error returns the number of leaks of each kind, and the first with a file of two splits.
func (l *Leakage) Error() string {
	counts := map[LeakKind]int{}
	for _, x := range l.Leaks {
		counts[x.Kind]++
	}
	var parts []string
	for _, kind := range []LeakKind{SamePatient, SameImage, SameOrigin} {
		switch n := counts[kind]; {
		case n == 1:
			parts = append(parts, fmt.Sprintf("1 %s", kind))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, kind))
		}
	}
	verb := "are"
	if len(l.Leaks) == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s %s in more than one split, so the test would look too good; the first: %s",
		strings.Join(parts, ", "), verb, l.describe(l.Leaks[0]))
}

// describe returns a patient and two files in different splits.
func (l *Leakage) describe(x Leak) string {
	first := x.Files[0]
	other := x.Files[slices.IndexFunc(x.Files, func(f Position) bool { return f.Split != first.Split })]
	text := fmt.Sprintf("%.100q in %s and %.100q in %s", l.path(first), l.Splits[first.Split].Name, l.path(other),
		l.Splits[other.Split].Name)
	if x.Kind == SamePatient {
		return fmt.Sprintf("the patient %.60q has %s", x.Patient, text)
	}
	return text
}

// path returns the path of a file relative to the folder of its split, with slashes.
func (l *Leakage) path(p Position) string {
	split := l.Splits[p.Split]
	path, err := filepath.Rel(split.Dir, split.Samples[p.Index].Path)
	if err != nil {
		path = split.Samples[p.Index].Path
	}
	return filepath.ToSlash(path)
}

// Write writes all leaks as a CSV table: a row for each file, with the number of its leak, the kind, the patient, the
// split, the path relative to the folder of the split, and the class.
func (l *Leakage) Write(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"leak", "kind", "patient", "split", "path", "label"}) // it keeps its first error for Error below
	for n, x := range l.Leaks {
		for _, f := range x.Files {
			split := l.Splits[f.Split]
			sample := split.Samples[f.Index]
			out.Write([]string{strconv.Itoa(n + 1), string(x.Kind), table.Escape(split.Attribute(sample, "patient")), split.Name,
				table.Escape(l.path(f)), table.Escape(split.Classes[sample.Class])})
		}
	}
	out.Flush()
	return out.Error()
}
