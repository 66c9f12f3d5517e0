package labels

import (
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"

	"fovea/data"
	"fovea/data/store"
	"fovea/internal/naming"
	"fovea/internal/table"
)

// Log says what was read, how many rows and images are left out, and what is in doubt. It returns an error if images are missing, which a
// caller may take for a warning.
func (t *Table) Log() error {
	args := []any{"table", t.File, "rows", t.Rows, "images", len(t.All.Samples), "columns", t.Read}
	if t.Unread != nil {
		args = append(args, "not_read", naming.List(t.Unread))
	}
	slog.Info("labels are read", args...)
	var missing error
	for _, reason := range []string{NoImage, NoLabel, NoRow} {
		var first LeftOut
		n := 0
		for _, l := range t.LeftOut {
			if l.Reason == reason {
				if n++; n == 1 {
					first = l
				}
			}
		}
		if n == 0 {
			continue
		}
		at := first.Name
		if first.Place != "" {
			at = fmt.Sprintf("%s, %.200q", first.Place, first.Name)
		}
		slog.Warn("left out: "+reason, "number", n, "first", at)
		if reason == NoImage {
			missing = fmt.Errorf("%s: the images of %d of %d rows are missing, first %s", t.File, n, t.Rows, at)
		}
	}
	t.LogDoubts()
	return missing
}

// LeaveOut lists images that cannot be decoded among those that are left out.
func (t *Table) LeaveOut(bad *data.Unreadable) {
	for _, b := range bad.Images {
		t.LeftOut = append(t.LeftOut, LeftOut{t.Relative(b.Sample.Path), "", b.Err.Error()})
	}
}

// WriteLeftOut writes a row for each row and image that is not used: name, place and reason.
func (t *Table) WriteLeftOut(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"name", "place", "reason"}) // the writer keeps its first error for Error below
	for _, l := range t.LeftOut {
		out.Write([]string{table.Escape(l.Name), l.Place, l.Reason})
	}
	out.Flush()
	return out.Error()
}

// WriteSplits writes the table with the splits of [Table.Divide], so that [Open] reads the same images, labels and
// splits from it. Paths are relative to the folder of the images.
func (t *Table) WriteSplits(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write(slices.Concat([]string{"path"}, Escaped(t.All.Attributes), []string{"label", "split"}))
	for i, s := range t.All.Samples {
		var values []string
		if t.All.Rows != nil {
			values = t.All.Rows[s.Row]
		}
		out.Write(slices.Concat([]string{table.Escape(t.Relative(s.Path))}, Escaped(values),
			[]string{table.Escape(t.All.Classes[s.Class]), t.decided[i].String()}))
	}
	out.Flush()
	return out.Error()
}

// Relative returns the path of an image relative to the folder of the images, with slashes, or else as it is.
func (t *Table) Relative(path string) string {
	if rel, err := store.Rel(t.All.Dir, path); err == nil {
		path = rel
	}
	return filepath.ToSlash(path)
}

// Escaped returns cells of columns that hold texts or numbers, where texts are those of [table.Escape].
func Escaped(values []string) []string {
	out := slices.Clone(values)
	for i, v := range out {
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			out[i] = table.Escape(v)
		}
	}
	return out
}
