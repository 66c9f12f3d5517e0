package labels

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"fovea/internal/naming"
	"fovea/internal/table"
)

// A row holds the cells that are kept of one row of the table.
type row struct {
	place  string
	images []string
	labels []string
	split  string
	values []string
}

// readRows reads all rows. key is what the user calls [Columns].
func (h *header) readRows(in *table.Reader, key string) ([]row, error) {
	var rows []row
	texts := map[string]string{} // so that a label or a camera is kept once
	spellings := make([]map[string]string, len(h.names))
	for i := range spellings {
		spellings[i] = map[string]string{}
	}
	keep := func(record []string, at []int) []string {
		out := make([]string, len(at))
		for i, c := range at {
			text, ok := texts[record[c]]
			if !ok {
				text = strings.Clone(record[c])
				texts[text] = text
			}
			out[i] = text
		}
		return out
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		r := row{place: in.Place(), labels: keep(record, h.label), values: keep(record, h.attributes)}
		for _, c := range h.image {
			r.images = append(r.images, strings.Clone(record[c]))
		}
		if h.split >= 0 {
			split, ok := splitOf(record[h.split])
			if !ok {
				return nil, fmt.Errorf("%s: %.100q is no split: write train, val or test, or leave the column out with "+
					"%s split=none", in.Where(h.split), record[h.split], key)
			}
			r.split = split
		}
		for i, v := range r.values {
			if r.values[i] = naming.Fold(v); table.Missing(v) {
				r.values[i] = ""
			}
			if h.names[i] == "patient" { // pandas writes 7.0 where another patient is missing
				r.values[i] = whole(r.values[i])
				continue
			}
			folded := strings.ToLower(r.values[i])
			if first, ok := spellings[i][folded]; ok { // "Male" and "male" are one group
				r.values[i] = first
			} else {
				spellings[i][folded] = r.values[i]
			}
		}
		rows = append(rows, r)
	}
	if rows == nil {
		return nil, errors.New("it has a header and no row: it labels no image")
	}
	return rows, nil
}

func isIndicator(cell string) bool {
	return slices.Contains([]string{"0", "1", "0.0", "1.0", "TRUE", "FALSE", "true", "false", "True", "False"}, strings.TrimSpace(cell))
}

// label returns the label of a row, "" if it is missing. Labels that may be indices of known classes stay as written.
func (r *row) label(names []string, at []int, indicators, asWritten bool) (string, error) {
	if slices.ContainsFunc(r.labels, table.Missing) {
		return "", nil
	}
	if !indicators {
		parts := make([]string, len(r.labels))
		for i, l := range r.labels {
			if parts[i] = naming.Fold(l); !asWritten {
				parts[i] = whole(parts[i])
			}
		}
		return strings.Join(parts, "+"), nil
	}
	var set []string
	for i, l := range r.labels {
		if strings.HasPrefix(strings.TrimSpace(l), "1") || strings.EqualFold(strings.TrimSpace(l), "true") {
			set = append(set, naming.Fold(names[at[i]]))
		}
	}
	switch len(set) {
	case 0:
		return "", nil
	case 1:
		return set[0], nil
	}
	return "", fmt.Errorf("%s: the columns %s are all 1, but an image has one class: merge them into a column of their own",
		r.place, naming.List(set))
}

// whole returns an integer that a program wrote as a decimal number, such as 2.0, without its fraction.
func whole(label string) string {
	if m := decimals.FindStringSubmatch(label); m != nil {
		return m[1]
	}
	return label
}

var decimals = regexp.MustCompile(`^(\d{1,15})[.,]0*$`)
