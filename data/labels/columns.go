package labels

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/naming"
	"fovea/internal/table"
)

// Columns names the columns of a table. What is empty is found by its usual names, which [table.Attributes] and the lists
// below hold. "none" stands for a column that is not to be read.
type Columns struct {
	Image   string
	Label   []string // several make one label: the name of the one that holds 1, or all values joined by "+"
	Patient string
	Eye     string
	Split   string
	Groups  []string // further columns that predictions keep, beside those of [table.Attributes]
}

// ParseColumns reads a list such as "image=Scan", "label=CNV+DME" and "groups=Vendor".
func ParseColumns(list []string) (Columns, error) {
	var c Columns
	single := map[string]*string{"image": &c.Image, "patient": &c.Patient, "eye": &c.Eye, "split": &c.Split}
	several := map[string]*[]string{"label": &c.Label, "groups": &c.Groups}
	for _, entry := range list {
		what, name, ok := strings.Cut(entry, "=")
		what, name = strings.TrimSpace(what), strings.TrimSpace(name)
		switch {
		case !ok || name == "":
			return c, fmt.Errorf("%.100q names no column: write image=NAME, with the name of a column of the table", entry)
		case single[what] != nil:
			*single[what] = name
		case several[what] != nil:
			for part := range strings.SplitSeq(name, "+") {
				*several[what] = append(*several[what], strings.TrimSpace(part))
			}
		default:
			return c, fmt.Errorf("%.100q: a table has the columns image, label, patient, eye, split and groups", entry)
		}
	}
	return c, nil
}

// Set reads a list whose parts are separated by commas, for a flag.
func (c *Columns) Set(text string) (err error) {
	*c, err = ParseColumns(strings.Split(text, ","))
	return err
}

// String returns "", the default of a flag.
func (c *Columns) String() string { return "" }

// None stands for a column that is not to be read.
const None = "none"

// Names of columns in any case of letters, with "_", "-" and " " taken for the same.
var (
	imageColumns = append(slices.Clone(table.Paths), "id", "image_id", "img", "img_id", "imgs", "id_code", "image_name",
		"img_name", "file_name", "image_file", "image_filename", "filepath", "file_path", "photo", "fundus", "scan", "bild",
		"bildname", "bilddatei", "datei", "dateiname")
	labelColumns = append(slices.Clone(table.Labels), "class", "grade", "diagnosis", "level", "labels", "dr_grade",
		"retinopathy_grade", "disease", "category", "diagnose", "befund", "klasse", "stadium")
	splitColumns = []string{"split", "fold", "set", "subset", "partition", "usage", "aufteilung"}
)

// splitNames lists what tables call the three splits.
var splitNames = map[string][]string{
	"train": {"train", "training", "development", "trainset", "train_set"},
	"val":   {"val", "valid", "validation", "validate", "dev", "tuning", "tune", "valset", "val_set"},
	"test":  {"test", "testing", "holdout", "hold-out", "held-out", "evaluation", "testset", "test_set"},
}

// plain returns the name of a column without what people write differently.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "_", "-", "_", ".", "_").Replace(naming.Fold(name)))
}

// candidates returns the columns of a header that have one of names.
func candidates(header, names []string) (at []int) {
	for i, h := range header {
		if slices.ContainsFunc(names, func(n string) bool { return plain(n) == plain(h) }) {
			at = append(at, i)
		}
	}
	return at
}

// named returns the column of a header that the user named.
func named(header []string, name, key string) (int, error) {
	var same, found []int
	for i, h := range header {
		if naming.Fold(h) == naming.Fold(name) {
			same = append(same, i)
		}
		if plain(h) == plain(name) {
			found = append(found, i)
		}
	}
	switch {
	case len(same) > 1:
		return 0, fmt.Errorf("%d columns are called %.100q, which %s names: rename them", len(same), name, key)
	case len(same) == 1:
		return same[0], nil
	case len(found) == 1:
		return found[0], nil
	}
	return 0, fmt.Errorf("no column %.100q, which %s names; the columns are %.300s", name, key, naming.List(header))
}

// only returns the column that a key names, else the only one with a usual name, or -1 if there is none.
func only(header []string, name, key string, usual []string) (int, error) {
	if name == None {
		return -1, nil
	}
	if name != "" {
		return named(header, name, key)
	}
	switch at := candidates(header, usual); len(at) {
	case 0:
		return -1, nil
	case 1:
		return at[0], nil
	default:
		return 0, fmt.Errorf("the columns %.100q and %.100q may both be the %s: say which with %s", header[at[0]],
			header[at[1]], usual[0], key)
	}
}

// A header tells what the columns of a table hold. A column that is not there is -1.
type header struct {
	image      []int // those that may name the image
	label      []int
	split      int
	attributes []int
	names      []string // of attributes
}

// readHeader finds the columns. key is what the user calls [Columns].
func readHeader(names []string, c Columns, key string) (h header, err error) {
	prefix := key + " "
	if c.Image != "" {
		at, err := named(names, c.Image, prefix+"image=NAME")
		if err != nil {
			return h, err
		}
		h.image = []int{at}
	} else if h.image = candidates(names, imageColumns); h.image == nil {
		return h, fmt.Errorf("no column names the images; the columns are %.300s: say which with %s", naming.List(names),
			prefix+"image=NAME")
	}
	for _, name := range c.Label {
		at, err := named(names, name, prefix+"label=NAME")
		if err != nil {
			return h, err
		}
		h.label = append(h.label, at)
	}
	if c.Label == nil {
		at, err := only(names, "", prefix+"label=NAME", labelColumns)
		if err != nil {
			return h, err
		}
		if at < 0 {
			return h, fmt.Errorf("no column has the labels; the columns are %.300s: say which with %s", naming.List(names),
				prefix+"label=NAME")
		}
		h.label = []int{at}
	}
	if h.split, err = only(names, c.Split, prefix+"split=NAME", splitColumns); err != nil {
		return h, err
	}
	said := map[string]string{"patient": c.Patient, "eye": c.Eye}
	for _, usual := range table.Attributes {
		at, err := only(names, said[usual[0]], prefix+usual[0]+"=NAME", usual)
		if err != nil && said[usual[0]] == "" && usual[0] != "patient" {
			continue // two columns may be the camera: neither is needed
		}
		if err != nil {
			return h, err
		}
		if at >= 0 && !slices.Contains(h.label, at) {
			h.attributes, h.names = append(h.attributes, at), append(h.names, usual[0])
		}
	}
	for _, name := range c.Groups {
		at, err := named(names, name, prefix+"groups=NAME")
		if err != nil {
			return h, err
		}
		if !slices.Contains(h.attributes, at) {
			h.attributes, h.names = append(h.attributes, at), append(h.names, naming.Fold(names[at]))
		}
	}
	h.image = slices.DeleteFunc(h.image, func(i int) bool {
		return len(h.image) > 1 && (slices.Contains(h.label, i) || slices.Contains(h.attributes, i))
	})
	return h, nil
}

// splitOf returns train, val or test for what a table calls it, and "" for an empty cell.
func splitOf(cell string) (string, bool) {
	if table.Missing(cell) {
		return "", true
	}
	for split, names := range splitNames {
		if slices.Contains(names, strings.ToLower(naming.Fold(cell))) {
			return split, true
		}
	}
	return "", false
}

// describe returns which columns are read, for the log.
func (h *header) describe(names []string, image int) string {
	text := fmt.Sprintf("image = %q", names[h.image[image]])
	add := func(what string, at []int) {
		var quoted []string
		for _, c := range at {
			quoted = append(quoted, strconv.Quote(names[c]))
		}
		text += fmt.Sprintf(", %s = %s", what, strings.Join(quoted, " and "))
	}
	add("label", h.label)
	if h.split >= 0 {
		add("split", []int{h.split})
	}
	for i, name := range h.names {
		add(name, h.attributes[i:i+1])
	}
	return text
}

// unread returns the names of the columns that hold nothing of what was looked for.
func (h *header) unread(names []string) (out []string) {
	for i, name := range names {
		if i != h.split && naming.Fold(name) != "" && !slices.Contains(slices.Concat(h.image, h.label, h.attributes), i) {
			out = append(out, name)
		}
	}
	return out
}
